"""Texts of rows and answers are a stranger's: nothing in them may steer a terminal or turn a line around on a page.

At a terminal escape sequences and control characters are removed; on a page they stand there as their code point.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

# CSI (colours, cursor), OSC (window title, links) to its end, then any other two-byte escape
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)|\x1b.?",
    re.DOTALL,
)
# Joiners shape letters (Persian, Indic) and emoji; they hide and turn nothing.
_JOINERS = "\u200c\u200d"
_HIDING = {
    "Cc",
    "Cf",
    "Cs",
    "Zl",
    "Zp",
}  # control, format (bidi, zero width), half surrogates, separators


def one_line(text: str, width: int) -> str:
    """A text for a terminal: one line without escapes or control characters, at most `width` characters."""
    plain = " ".join(_ESCAPES.sub("", text).split())
    plain = "".join(character for character in plain if not is_hidden(character))
    return plain if len(plain) <= width else plain[: width - 3] + "..."


def pieces(text: str) -> Iterator[tuple[str, bool]]:
    """The text in runs: `(run, False)`, and `(character, True)` for each that would not be seen, line ends and tabs aside."""
    start = 0
    for index, character in enumerate(text):
        if character not in "\n\t" and is_hidden(character):
            if start < index:
                yield text[start:index], False
            yield character, True
            start = index + 1
    if start < len(text):
        yield text[start:], False


def is_hidden(character: str) -> bool:
    """True for characters that steer instead of showing."""
    if " " <= character <= "~":
        return False
    return character not in _JOINERS and unicodedata.category(character) in _HIDING


def code_point(character: str) -> str:
    """`U+202E`."""
    return f"U+{ord(character):04X}"


def name(character: str) -> str:
    """The character's name, "control character" where Unicode gives none."""
    return unicodedata.name(character, "control character").lower()
