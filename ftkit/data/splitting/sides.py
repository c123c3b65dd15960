"""What a split gives: the two sets, and what a reader should know about how they came about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from ftkit.data.dataset import Dataset

_SHOWN = 5  # moved rows printed


@dataclass(frozen=True, slots=True)
class MovedRow:
    """A row that was held out in `previous` and is trained on now. `row` is its number in the new data."""

    row: int
    why: str

    def __str__(self) -> str:
        return f"row {self.row:,} was held out and is trained on now: {self.why}"


class Split(tuple["Dataset", "Dataset"]):
    """(train, held_out), with `moved`, the rows that had to change sides, and `notes`, what was not done and why."""

    moved: tuple[MovedRow, ...]
    notes: tuple[str, ...]

    def __new__(
        cls,
        train: Dataset,
        held_out: Dataset,
        moved: Sequence[MovedRow] = (),
        notes: Sequence[str] = (),
    ) -> Self:
        made = super().__new__(cls, (train, held_out))
        made.moved, made.notes = tuple(moved), tuple(notes)
        return made

    @property
    def train(self) -> Dataset:
        """The rows to train on."""
        return self[0]

    @property
    def held_out(self) -> Dataset:
        """The rows to judge by."""
        return self[1]

    def __getnewargs__(self) -> tuple[Any, ...]:
        return (*self, self.moved, self.notes)

    def __repr__(self) -> str:
        return f"Split({len(self.train):,} rows to train on, {len(self.held_out):,} held out)"

    def __str__(self) -> str:
        lines = [f"{len(self.train):,} rows to train on, {len(self.held_out):,} rows held out"]
        lines += [f"note: {note}" for note in self.notes]
        lines += [str(one) for one in self.moved[:_SHOWN]]
        if len(self.moved) > _SHOWN:
            lines.append(f"... and {len(self.moved) - _SHOWN:,} more that changed sides")
        return "\n".join(lines)
