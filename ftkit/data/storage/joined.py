"""Rows of several sources in one order. Nothing is copied: each row stays where its own source keeps it.

Row numbers go on: a row of the second source has the last number of the first one added to its own. So a number names one row,
in every message, and by simple subtraction the row of its file.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ftkit.data.storage.store import Row, Store

_NAMED = 5  # sources, in the name of all of them


class Part(NamedTuple):
    """One source: its rows, and the number after which theirs begin."""

    store: Store
    before: int


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """`which` part each row is of, and `places` has its place there; read as a Store is."""

    source: str
    parts: tuple[Part, ...]
    which: array[int]
    places: array[int]

    def __len__(self) -> int:
        return len(self.which)

    def place(self, at: int) -> tuple[int, int]:
        """(part, place in it)."""
        return self.which[at], self.places[at]

    def row(self, at: int) -> Row:
        """Where it stands: by the number that goes on; `origin` is how its own source names it."""
        part = self.parts[self.which[at]]
        own = part.store.row(self.places[at])
        return replace(own, number=part.before + own.number, line=None, offset=None, origin=own)

    def record(self, at: int) -> bytes:
        """Its bytes; raises as a Store does, with the name and number of its own source."""
        return self.parts[self.which[at]].store.record(self.places[at])

    def digest(self, at: int) -> bytes:
        """The SHA-256 of its bytes."""
        return self.parts[self.which[at]].store.digest(self.places[at])

    def taken(self, picks: Sequence[int]) -> Joined:
        """Only these rows, as they travel to another process."""
        mine: list[array[int]] = [array("Q") for _ in self.parts]
        which, places = array("I"), array("Q")
        for at in picks:
            part, place = self.place(at)
            which.append(part)
            places.append(len(mine[part]))
            mine[part].append(place)
        parts = (
            Part(part.store.taken(own), part.before)
            for part, own in zip(self.parts, mine, strict=True)
        )
        return Joined(self.source, tuple(parts), which, places)


def join(sets: Iterable[tuple[Store | Joined, Sequence[int]]]) -> Joined:
    """The picked rows of each, one after the other."""
    parts: list[Part] = []
    names: list[str] = []
    which, places = array("I"), array("Q")
    last = 0  # the highest number so far
    for store, picks in sets:
        own = store.parts if isinstance(store, Joined) else (Part(store, 0),)
        first, before = len(parts), last
        parts += [Part(part.store, before + part.before) for part in own]
        low: dict[int, int] = {}
        high: dict[int, int] = {}
        for at in picks:
            part, place = store.place(at)
            which.append(first + part)
            places.append(place)
            number = before + store.row(at).number
            last = max(last, number)
            low[part] = min(low.get(part, number), number)
            high[part] = max(high.get(part, number), number)
        names += [
            f"{own[part].store.source} (rows {low[part]} to {high[part]})" for part in sorted(low)
        ]
    if len(names) > _NAMED:
        names[_NAMED:] = [f"{len(names) - _NAMED:,} more"]
    return Joined(" + ".join(names), tuple(parts), which, places)
