"""UTF-8 that was read as Windows-1252 or Latin-1, turned back: only where FT502 is certain, by its own detector.

A text is turned back wholly or not at all: half of it would be hidden from `check`. Bytes that got lost on the way cannot
be had back: a text that would end with more of them than it began with stays.
"""

from __future__ import annotations

import re

from ftkit.data.checks.damage import LOST, Piece, possible_pieces, wrong_bytes, wrong_pieces

# such a text may show the damage on purpose
_ABOUT_DECODING = re.compile(
    r"(?i)mojibake|utf-?8|latin-?1|iso-?8859|(?:windows|cp)-?1252|unicode|encod|decod|charset"
)


def decoded_again(text: str) -> str:
    """The text as it was before it was decoded wrongly, however often."""
    if text.isascii() or not (pieces := wrong_pieces(text)) or _ABOUT_DECODING.search(text):
        return text
    lost = len(LOST.findall(_by_pieces(text, [(start, end, "") for start, end, _ in pieces])))
    right = text
    while (earlier := _once(right)) != right:
        right = earlier
    return right if len(LOST.findall(right)) <= lost else text


def _once(text: str) -> str:
    usual, other = possible_pieces(text)
    # one odd character, and be it many times, may be a name with a sign behind it: CAFÉ®
    odd = len({char for _, _, char in other})
    if not usual and odd < 2:
        return text
    whole = _whole(text)
    if whole is not None:
        return whole
    return text if odd == 1 else _by_pieces(text, sorted(usual + other))


def _whole(text: str) -> str | None:
    """All of the text decoded again, None where not all of it is damaged."""
    raw = wrong_bytes(text)
    if raw.count(0) != text.count("\0"):
        return None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _by_pieces(text: str, pieces: list[Piece]) -> str:
    parts, at = [], 0
    for start, end, char in pieces:
        parts += [text[at:start], char]
        at = end
    return "".join([*parts, text[at:]])
