"""Where to cut a file and which bits to turn, spread over the regions of an SQLite file.

A file's first hundred bytes are a thousandth of it and decide whether it opens at all: each
region gets the same share, not one by its size.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

PAGE = 4096  # SQLite's default page size, bytes
HEADER = 100  # the database header at the start of the first page, bytes

Region = Literal["header", "first page", "interior", "last page"]


@dataclass(frozen=True, slots=True)
class Damage:
    """One fault: the file ends at `offset` (bit is None), or bit 0-7 of the byte there is turned."""

    region: Region
    offset: int
    bit: int | None

    def __str__(self) -> str:
        """What was done, for the message of a failing test."""
        if self.bit is None:
            return f"cut to {self.offset} bytes ({self.region})"
        return f"bit {self.bit} of byte {self.offset} turned ({self.region})"


def regions(size: int) -> dict[Region, range]:
    """The byte offsets of each region; one that a file of `size` bytes does not have is empty."""
    first = min(size, PAGE)
    last = max(first, (size - 1) // PAGE * PAGE)
    return {
        "header": range(min(size, HEADER)),
        "first page": range(min(size, HEADER), first),
        "interior": range(first, last),
        "last page": range(last, size),
    }


def truncations(size: int, count: int, seed: int) -> Iterator[Damage]:
    """`count` different lengths from 0 to size - 1, an equal share in each region while it lasts.

    The same arguments give the same damage. A file of fewer bytes than `count` gives one for each.
    """
    for region, offset in _shared(regions(size), count, random.Random(seed)):
        yield Damage(region, offset, None)


def bit_flips(size: int, count: int, seed: int) -> Iterator[Damage]:
    """`count` different bits of the file, an equal share in each region while it lasts."""
    bits = {name: range(r.start * 8, r.stop * 8) for name, r in regions(size).items()}
    for region, place in _shared(bits, count, random.Random(seed)):
        yield Damage(region, place // 8, place % 8)


def damaged(content: bytes, damage: Damage) -> bytes:
    """The content with this one fault. Raises ValueError when the place is not in the content."""
    if damage.offset >= len(content):
        raise ValueError(f"{damage}: the content has {len(content)} bytes")
    if damage.bit is None:
        return content[: damage.offset]
    changed = bytearray(content)
    changed[damage.offset] ^= 1 << damage.bit
    return bytes(changed)


def _shared(
    places: dict[Region, range], count: int, random: random.Random
) -> Iterator[tuple[Region, int]]:
    """Places without repetition, one of each region in turn."""
    drawn = [
        [(name, place) for place in random.sample(found, min(count, len(found)))]
        for name, found in places.items()
    ]
    turns = (place for turn in zip_longest(*drawn) for place in turn if place is not None)
    yield from (place for place, _ in zip(turns, range(count), strict=False))
