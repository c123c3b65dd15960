"""White space where an answer begins or ends, and line ends of Windows. What an answer is made of but that is never touched."""

from __future__ import annotations

import re

# not str.strip's own set: U+001D may be what is left of a quote, U+0085 of a dot
WHITE = " \t\n\r\x0b\x0c\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
_LINE_END = re.compile(r"\r+\n")


def without_trailing_space(text: str) -> str:
    """The answer without white space at its end."""
    return text.rstrip(WHITE)


def without_leading_space(text: str) -> str:
    """The answer without white space at its beginning; the indentation of a first line of several may be code, and stays."""
    stripped = text.lstrip(WHITE)
    if "\n" not in stripped.rstrip(WHITE):
        return stripped
    blank = text[: len(text) - len(stripped)]
    return text[blank.rfind("\n") + 1 :]


def with_line_feeds(text: str) -> str:
    """Lines that end in a line feed alone."""
    return _LINE_END.sub("\n", text)
