"""Characters that nobody sees, taken out where they say nothing: those of FT505, one by one.

What shapes a script, separates words or fields, turns the direction of right-to-left text, or may be what is left of a
quote or a dash, stays, and is still found by `check`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from ftkit.data.checks.damage import UNSEEN, damaged, read_as_utf8

_TERMINAL = re.compile("[\x08\x1b]")  # colours and overstrikes: without these the rest is rubbish
# U+2018, U+201C, U+2013 and their kin whose upper byte was cut off
_REMAINS = frozenset("\x13\x14\x18\x19\x1c\x1d")
_PARTS_LINES = frozenset("\x0b\x0c\x1e\x1f")
_DIRECTION = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# scripts without spaces: there U+200B is where a word ends
_NO_SPACES = re.compile(
    "[\u0e00-\u0eff\u0f00-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u3040-\u30ff\u3400-\u9fff\ua9e0-\uaadf]"
)
_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u3163\u3165-\u318f\ua960-\ua97f\uac00-\ud7ff]")


def without_unseen(text: str) -> str:
    """The text without them."""
    if text.isascii() and text.replace("\n", "").isprintable():  # most texts, and ten times as fast
        return text
    if not UNSEEN.search(text) or damaged(text):
        return text
    kept: list[str] = []
    at = 0
    for place in _without_meaning(text):
        kept.append(text[at:place])
        at = place + 1
    return "".join([*kept, text[at:]]) if kept else text


def _without_meaning(text: str) -> Iterator[int]:
    terminal = _TERMINAL.search(text) is not None
    right_to_left: bool | None = None
    for match in UNSEEN.finditer(text):
        char, at = match.group(), match.start()
        before, after = text[at - 1 : at], text[at + 1 : at + 2]
        if char < " " or char == "\x7f":
            if not terminal and _control_says_nothing(text, char, before, after):
                yield at
        elif char in _DIRECTION:
            if right_to_left is None:
                right_to_left = any(unicodedata.bidirectional(c) in ("R", "AL", "AN") for c in text)
            if not right_to_left:
                yield at
        elif _is_needless(char, before, after, text) and not _of_a_piece(text, at):
            yield at


def _control_says_nothing(text: str, char: str, before: str, after: str) -> bool:
    if char in _REMAINS or (char == "\x03" and after.isdigit()):  # the second: a colour of IRC
        return False
    between_words = before not in ("", " ", "\t", "\n") and after not in ("", " ", "\t", "\n", "\r")
    if char in _PARTS_LINES:
        return not between_words
    # one character again and again between words parts fields, as in logs and exports
    return not between_words or text.count(char) == 1


def _is_needless(char: str, before: str, after: str, text: str) -> bool:
    if char == "\u00ad":
        # between letters it is a place to hyphenate; between digits it was a hyphen
        return before.isalpha() and after.isalpha()
    if char == "\u200b":
        return not (_NO_SPACES.match(before) or _NO_SPACES.match(after))
    if char in "\ufeff\u2060":
        return True
    if char in "\u200c\u200d":  # found between ASCII characters only
        return True
    if char == "\u034f":
        return before.isascii() and after.isascii()
    if char in "\u115f\u1160\u3164\uffa0":
        return not _HANGUL.search(text)
    return False  # signs of mathematics, of Khmer, of annotations


def _of_a_piece(text: str, at: int) -> bool:
    """Whether it may be a byte of a character that was decoded wrongly, even where that is not certain."""
    starts = (start for start in (at - 1, at - 2, at - 3) if start >= 0)
    return any(
        "\u00c2" <= text[start] <= "\u00f4"
        and (char := read_as_utf8(text[start : start + 4])) is not None
        and start + len(char.encode()) > at
        for start in starts
    )
