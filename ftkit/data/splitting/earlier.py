"""Rows keep the side that they had in an earlier split; where rows of both sides now hang together, all are trained on.

A row is an old one by its content, or by its question where its answer was mended: that question was trained on all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from ftkit.data.example import digest, digest_of
from ftkit.data.splitting.choice import Chosen, impossible, up_to
from ftkit.data.splitting.links import Joined
from ftkit.data.splitting.ranks import below
from ftkit.data.splitting.sides import MovedRow
from ftkit.errors import ConfigError, DataError

if TYPE_CHECKING:
    from ftkit.data.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Earlier:
    """The two sides of an earlier split, by the hashes of contents and of prompts."""

    trained: frozenset[bytes]
    held_out: frozenset[bytes]

    @classmethod
    def of(cls, previous: object) -> Earlier:
        """Raises ConfigError for anything but two data sets: with one alone, what was trained on is not known."""
        from ftkit.data.dataset import Dataset

        if isinstance(previous, Dataset) or not isinstance(previous, Sequence):
            raise _no_pair(previous)
        sides = [side for side in previous if isinstance(side, Dataset)]
        if len(sides) != 2 or len(previous) != 2:
            raise _no_pair(previous)
        return cls(*(frozenset(_marks(side)) for side in sides))

    def sides(self, data: Dataset, by_prompt: bool) -> list[str]:
        """`train`, `held_out`, `both` or "" for each row."""
        marks = [(bytes.fromhex(digest_of(one)), bytes.fromhex(digest(one.prompt))) for one in data]
        found = [self._side(content) for content, _ in marks]
        if by_prompt:
            there = {prompt for (_, prompt), side in zip(marks, found, strict=True) if side}
            for row, (_, prompt) in enumerate(marks):
                if prompt not in there:  # else a new answer beside the old one
                    found[row] = self._side(prompt)
        if not any(found):
            raise DataError(
                f"{data.source}: none of its rows stands in previous=; pass the split of an earlier state"
            )
        return found

    def _side(self, mark: bytes) -> str:
        trained, held = mark in self.trained, mark in self.held_out
        return "both" if trained and held else "train" * trained + "held_out" * held


def kept(
    joined: Joined,
    data: Dataset,
    old: Sequence[str],
    share: Fraction | None,
    wanted: int,
) -> Chosen:
    """Old components stay where they are, new ones are drawn by share, or fitted to what is missing in a number."""
    held: list[int] = []
    moved: list[MovedRow] = []
    new: list[int] = []
    for index, rows in enumerate(joined.parts):
        sides = {old[row] for row in rows}
        if sides & {"train", "both"}:
            moved += _moved(joined, data, rows, old)
        elif "held_out" in sides:
            held += rows
        else:
            new.append(index)
    if share is not None:
        drawn = [index for index in new if below(joined.places[index], share)]
    else:
        sizes = [len(joined.parts[index]) for index in new]
        drawn = [new[at] for at in up_to(sizes, wanted - len(held))]
    notes = []
    if not held and not drawn:
        sizes = [len(joined.parts[index]) for index in new]
        drawn = [new[at] for at in up_to(sizes, wanted)]
        notes.append("no row that was held out could stay so; new rows were chosen to fit the size")
    held += [row for index in drawn for row in joined.parts[index]]
    if not held or len(held) == len(joined.contents):
        raise impossible(joined, wanted)
    moved.sort(key=lambda one: one.row)
    if moved:
        notes.append(
            f"{len(moved):,} rows that were held out are trained on now, as they hang together with rows that were: what "
            "was measured on them before is not comparable"
        )
    return Chosen(held, tuple(notes), tuple(moved))


def _moved(
    joined: Joined, data: Dataset, rows: Sequence[int], old: Sequence[str]
) -> list[MovedRow]:
    trained = [row for row in rows if old[row] in ("train", "both")]
    found = []
    for row in rows:
        number = data.rows[row].number
        if old[row] == "both":
            found.append(MovedRow(number, "it stood on both sides"))
        elif old[row] == "held_out":
            found.append(MovedRow(number, _why(joined, data, row, trained)))
    return found


def _why(joined: Joined, data: Dataset, row: int, trained: Sequence[int]) -> str:
    for link in joined.links:
        key = link.keys[row]
        for other in trained:
            if key is not None and link.keys[other] == key:
                return f"it hangs together with row {data.rows[other].number:,}, trained on before, by {link.what}"
    return f"through other rows it hangs together with row {data.rows[trained[0]].number:,}, trained on before"


def _marks(side: Dataset) -> list[bytes]:
    marks = []
    for example in side:
        marks += [bytes.fromhex(digest_of(example)), bytes.fromhex(digest(example.prompt))]
    return marks


def _no_pair(previous: object) -> ConfigError:
    return ConfigError(
        f"previous= is an earlier split, or (train, held_out) of one, not a {type(previous).__name__}: what was trained on has "
        "to be known too"
    )
