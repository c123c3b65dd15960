"""FT502 to FT505: text that something on its way has damaged: a wrong decoding, leftover markup, characters that nobody sees."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TypeAlias

from ftkit.data.checks.report import Finding, Severity, Skipped
from ftkit.data.checks.view import DataView, RowView

_SHOWN = 5
_MANY = 0.2  # of all rows; what so many rows have is probably what the data is about

# UTF-8 that was read as Windows-1252 or Latin-1: these begin a character of two, three or four bytes
_SUSPECT = re.compile(
    r"[\u00c2-\u00f4][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u2122]"
)
LOST = re.compile("[\ufffd\u0080-\u009f]")  # replaced by a decoder; left over of Windows-1252
_CP1252 = {
    bytes([byte]).decode("cp1252"): byte
    for byte in range(0x80, 0xA0)
    if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)
}
ENTITY = re.compile(
    r"&(?:amp|lt|gt|quot|apos|nbsp|[lr][sd]quo|[mn]dash|hellip|copy|reg|euro|[aeiouAEIOU](?:uml|acute|grave|circ)|szlig|ccedil|ntilde|#\d{2,6}|#x[0-9A-Fa-f]{2,6});"
)
TAG = re.compile(
    r"</?(?:p|br|div|span|a|b|i|u|em|strong|ul|ol|li|table|thead|tbody|tr|td|th|h[1-6]|img|font|script|style|blockquote|iframe"
    r"|html|body|head|meta|link|form|input|button|section|article)(?:\s+[a-zA-Z-]{1,30}\s?=[^<>]{0,500})?(?:\s{0,3}/)?>",
    re.IGNORECASE,
)
_ABOUT_MARKUP = re.compile(r"```|<!doctype|<html|<\?xml", re.IGNORECASE)
UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f"  # controls but tab and line ends
    "\u200b\u2060-\u2064\ufeff"  # spaces and joiners without width
    "\u202a-\u202e\u2066-\u2069"  # turn the direction of what follows
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufff9-\ufffb]"
    "|(?<=[ -~])[\u200c\u200d](?=[ -~])"  # these join letters of some scripts, and emoji; never ASCII
)  # fmt: skip


def wrong_decoding(data: DataView) -> Iterator[Finding]:
    """FT502: UTF-8 that was read as something else, and characters that were lost."""
    yield from _text_finding(
        data,
        damaged,
        "FT502",
        "text was decoded wrongly",
        "the model learns to write the damage",
        "read the source again with its right encoding (mostly UTF-8), or `ftkit fix`",
    )


def doubtful_decoding(data: DataView) -> Iterator[Finding | Skipped]:
    """FT503: what ftfy takes for a wrong decoding and the certain patterns do not."""
    if all(text.isascii() for row in data.rows for text in row.texts):
        return
    try:
        from ftfy.badness import is_bad
    except ImportError:
        yield Skipped(("FT503",), "text that may be decoded wrongly", "pip install 'ftkit[data]'")
        return
    rows = [
        row.number
        for row in data.rows
        if any(not text.isascii() and is_bad(text) and not damaged(text) for text in row.texts)
    ]
    if rows:
        yield Finding.on(
            rows,
            "FT503",
            Severity.INFO,
            "text may have been decoded wrongly",
            why="sequences such as these are rare in any language, and common after a wrong decoding",
            mend="look at the rows; what is right can stay",
        )


def markup(data: DataView) -> Iterator[Finding]:
    """FT504: entities and tags of HTML in text that is not about HTML."""
    yield from _text_finding(
        data,
        markup_in,
        "FT504",
        "text holds HTML",
        "left over from a web page, it is learned and written into answers",
        "turn entities into characters (or `ftkit fix --only html_entities`) and take the tags out, unless the answers are "
        "meant to be HTML",
        many=Severity.INFO,
    )


def unseen_characters(data: DataView) -> Iterator[Finding]:
    """FT505: control characters, and characters without width."""
    yield from _text_finding(
        data,
        unseen_in,
        "FT505",
        "text holds characters that nobody sees",
        "they change the tokens of words that look the same, and can carry what a reader does not see",
        "take them out, or `ftkit fix`; a byte order mark or a soft hyphen has no use inside a text",
    )


def damaged(text: str) -> list[str]:
    """The kinds of damage in a text that are certain."""
    if text.isascii():
        return []
    found = []
    if LOST.search(text):
        found.append("lost characters")
    if wrong_pieces(text):
        found.append("UTF-8 read as Windows-1252")
    return found


Piece: TypeAlias = tuple[int, int, str]  # start, end, and the character that it may have been


def wrong_pieces(text: str) -> list[Piece]:
    """Pieces of a text that are certainly the bytes of one character of UTF-8 each.

    A character that is usual in European text is proof by itself; of any other kind it takes two.
    """
    usual, other = possible_pieces(text)
    return sorted(usual + (other if len(other) > 1 else []))


def possible_pieces(text: str) -> tuple[list[Piece], list[Piece]]:
    """Pieces that are such bytes, be it by chance: those of characters that are usual, and of others."""
    usual: list[Piece] = []
    other: list[Piece] = []
    for start in (place.start() for place in _SUSPECT.finditer(text)):
        char = read_as_utf8(text[start : start + 4])
        if char is None:
            continue
        # a closing quote behind a capital: the capital was one
        if text[start + 1] in "»”’›…" and text[max(0, start - 1) : start].isupper():
            continue
        is_usual = (
            "\u00a1" <= char <= "\u00ff" or "\u2010" <= char <= "\u2122" or char > "\U0001f000"
        )
        (usual if is_usual else other).append((start, start + len(char.encode()), char))
    return usual, other


def read_as_utf8(run: str) -> str | None:
    """The first character that the bytes of the run are in UTF-8; the run begins with a letter from Â to ô."""
    raw = wrong_bytes(run)
    need = 2 if raw[0] < 0xE0 else 3 if raw[0] < 0xF0 else 4
    try:
        return raw[:need].decode("utf-8")
    except UnicodeDecodeError:
        return None


def wrong_bytes(text: str) -> bytes:
    """The bytes that were read as this text, in Windows-1252 or Latin-1; 0 for what neither has."""
    return bytes(_CP1252.get(char, ord(char) if ord(char) < 256 else 0) for char in text)


def unseen_in(text: str) -> list[str]:
    # pieces of characters that were decoded wrongly are no characters of their own
    found = UNSEEN.findall(text)
    return [f"U+{ord(char):04X}" for char in found] if found and not damaged(text) else []


def markup_in(text: str) -> list[str]:
    if "&" not in text and "<" not in text or _ABOUT_MARKUP.search(text):
        return []
    return [
        *ENTITY.findall(text)[:20],
        *(match.group()[:30] for match, _ in zip(TAG.finditer(text), range(20), strict=False)),
    ]


def _text_finding(
    data: DataView,
    look: Callable[[str], list[str]],
    code: str,
    title: str,
    why: str,
    mend: str,
    *,
    many: Severity = Severity.WARNING,
) -> Iterator[Finding]:
    kinds: Counter[str] = Counter()
    rows: list[RowView] = []
    for row in data.rows:
        found = {kind for text in row.texts for kind in look(text)}
        if found:
            rows.append(row)
            kinds.update(found)
    if rows:
        most = len(rows) > max(1, _MANY * len(data.rows))
        yield Finding.on(
            [row.number for row in rows],
            code,
            many if most else Severity.WARNING,
            title,
            detail=", ".join(
                f"{kind} in {count:,} rows" for kind, count in kinds.most_common(_SHOWN)
            ),
            why=why,
            mend=mend,
        )
