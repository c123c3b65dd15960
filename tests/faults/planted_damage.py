"""Damage of known kinds, planted into texts that are whole: what a wrong decoding, a web page or a copied text leaves behind.

Imports nothing from the product. Each kind takes a text and a random number and gives the damaged text, or None where the
text has no place for it.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

UNSEEN = ("\u200b", "\ufeff", "\u2060", "\x01", "\x06", "\x7f", "\u202e", "\u2066")
# for texts without any letter that a wrong decoding could hit
LETTERS = {"a": "á", "e": "é", "o": "ö", "u": "ü", "n": "ñ", "c": "ç", "i": "í"}
QUOTES = {"'": "’", '"': "”", "-": "–", "l": "ł", "s": "ś"}


def decoded_wrongly(text: str, wrong: str = "cp1252") -> str:
    """The bytes of UTF-8 read as something else; what that cannot read is read as Latin-1, as browsers do."""
    out = []
    for byte in text.encode():
        try:
            out.append(bytes([byte]).decode(wrong))
        except UnicodeDecodeError:
            out.append(chr(byte))
    return "".join(out)


def as_pieces(text: str) -> str:
    """Only the characters beyond ASCII decoded wrongly."""
    return "".join(char if char.isascii() else decoded_wrongly(char) for char in text)


def accented(text: str, chance: random.Random) -> str | None:
    """The same text with some letters and quotes of other languages in it: whole, and able to be damaged."""
    places = [at for at, char in enumerate(text) if char in LETTERS or char in QUOTES]
    if len(places) < 3:
        return None
    picked = set(chance.sample(places, min(len(places), chance.randint(2, 6))))
    # one that is proof by itself
    if not any(text[at] in LETTERS for at in picked):
        return None
    both = {**LETTERS, **QUOTES}
    return "".join(both[char] if at in picked else char for at, char in enumerate(text))


def _inside(text: str, chance: random.Random, pieces: tuple[str, ...]) -> str | None:
    places = [at for at in range(1, len(text)) if text[at - 1].isalpha() and text[at].isalpha()]
    if not places:
        return None
    at = chance.choice(places)
    return text[:at] + chance.choice(pieces) + text[at:]


def _half(text: str, chance: random.Random) -> str | None:
    """Two texts joined, one of them damaged; the other shows that it was not."""
    places = [at for at, char in enumerate(text) if ord(char) in range(0xA1, 0x100)]
    if len(places) < 2:
        return None
    return decoded_wrongly(text[: places[0] + 1]) + text[places[0] + 1 :]


def _at_the_end(text: str, chance: random.Random) -> str:
    return text + chance.choice((" ", "\n", "  ", " \n", "\r\n", "\t", "\u00a0"))


Planter = Callable[[str, random.Random], str | None]
KINDS: dict[str, Planter] = {
    "decoded as Windows-1252": lambda text, chance: decoded_wrongly(text),
    "decoded as Latin-1": lambda text, chance: decoded_wrongly(text, "latin-1"),
    "decoded wrongly twice": lambda text, chance: decoded_wrongly(decoded_wrongly(text)),
    "partly decoded wrongly": _half,
    "an unseen character in a word": lambda text, chance: _inside(text, chance, UNSEEN),
    "a soft hyphen in a word": lambda text, chance: _inside(text, chance, ("\u00ad",)),
    "white space at the end": _at_the_end,
}
_OF_LETTERS = {name for name in KINDS if "decoded" in name}

# what looks like damage and is none, or may be none: it must stay
NEAR: dict[str, tuple[str, Planter]] = {
    "white space at the beginning of an answer": ("completion", lambda text, chance: " " + text),
    "white space at the end of a question": ("prompt", _at_the_end),
    "emoji and scripts that join": ("completion", lambda text, chance: f"{text} 👩\u200d💻 می\u200cخواهم क्\u200dष"),
    "marks of direction": ("prompt", lambda text, chance: f"{text} \u2067שלום\u2069 \u202bمرحبا\u202c"),
    "letters of other languages": ("completion", lambda text, chance: f"{text} «NÃO» Ääkkösiä Đà Nẵng Ö³"),
    "one doubtful piece": ("prompt", lambda text, chance: f"{text} Å‚"),
    "entities": ("completion", lambda text, chance: f"{text} a &lt; b &amp;&amp; c"),
    "line ends of Windows": ("prompt", lambda text, chance: f"{text}\r\n{text}"),
    "fields parted by a control character": ("prompt", lambda text, chance: f"{text} 8=FIX\x019=178\x0135=A"),
    "what is left of a quote": ("completion", lambda text, chance: f"{text} don\x19t"),
    "colours of a terminal": ("prompt", lambda text, chance: f"{text} \x1b[31mred\x1b[0m"),
    "a text about encodings": ("prompt", lambda text, chance: f"{text} Why does UTF-8 show as Ã©?"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Planted:
    """A row as it was, the same with damage, and the kind of damage ("" for none)."""

    whole: dict[str, str]
    damaged: dict[str, str]
    kind: str


def planted(
    pairs: Sequence[tuple[str, str]], each: int, chance: random.Random
) -> Iterator[Planted]:
    """Each kind of damage and of near miss so often, in rows drawn from these, whole ones between them."""
    for kind, plant in KINDS.items():
        yield from _planted(kind, plant, None, pairs, each, chance)
    for kind, (column, plant) in NEAR.items():
        yield from _planted(kind, plant, column, pairs, each, chance)


def _planted(
    kind: str,
    plant: Planter,
    column: str | None,
    pairs: Sequence[tuple[str, str]],
    each: int,
    chance: random.Random,
) -> Iterator[Planted]:
    left = each
    while left:
        row = dict(zip(("prompt", "completion"), chance.choice(pairs), strict=True))
        yield Planted(row, row, "")
        end = "end" in kind and kind in KINDS
        where = column or ("completion" if end else chance.choice(("prompt", "completion")))
        text: str | None = row[where]
        if kind in _OF_LETTERS:
            text = accented(row[where], chance)
        spoiled = None if text is None else plant(text, chance)
        if text is None or spoiled is None or spoiled == text:
            continue
        near = kind in NEAR
        yield Planted({**row, where: spoiled if near else text}, {**row, where: spoiled}, kind)
        left -= 1


def mended(planted: Sequence[Planted], rows: Sequence[dict[str, str]]) -> Counter[tuple[str, str]]:
    """How many rows of each kind are whole, still damaged, or something else now."""
    found: Counter[tuple[str, str]] = Counter()
    if len(planted) != len(rows):
        found["", "rows lost or won"] = abs(len(planted) - len(rows))
        return found
    for one, row in zip(planted, rows, strict=True):
        word = "whole" if row == one.whole else "as it was" if row == one.damaged else "wrong"
        found[one.kind, word] += 1
    return found
