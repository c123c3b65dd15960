"""The data set: rows stay where they are kept, decoded into Examples on access, never changed.

Every select, filter, map and split gives a new one with a hash of its own; its rows keep the numbers, lines and offsets
of the file they came from, so that a message always names the row to mend.
"""

from __future__ import annotations

import hashlib
import reprlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, overload

from ftkit.data import splits
from ftkit.data.example import Example
from ftkit.data.fast_json import decode
from ftkit.data.formats import Layout, Materialised
from ftkit.data.formats.materialised import store
from ftkit.data.storage import Row, Store, Writer
from ftkit.errors import DataError
from ftkit.words import nearest


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Dataset(Sequence[Example]):
    """Examples in order. `columns` are the extra columns, kept in `Example.fields` and never trained on.

    `source` is the name for messages (the path), `name` its short form, `sha256` changes with any row, the order of
    rows, the columns that are read and the added system message. Made by `load`.
    """

    source: str
    name: str
    layout: Layout
    store: Store
    picks: Sequence[int]  # which rows of the store, as a range or an array of 64-bit numbers
    columns: tuple[str, ...]
    detected: str = ""  # why the rows were read in this format, in words; "" after `map`
    sha256: str = field(init=False)

    def __post_init__(self) -> None:
        total = hashlib.sha256(self.layout.identity.encode("utf-8", "backslashreplace"))
        digest = self.store.index.digest
        for at in self.picks:
            total.update(b"\n" + digest(at).hex().encode("ascii"))
        object.__setattr__(self, "sha256", total.hexdigest())

    @property
    def rows(self) -> Rows:
        """Where each row stands, in order; made on access."""
        return Rows(self.store, self.picks)

    @property
    def format(self) -> str:
        """The word for the shape its rows came in, such as chat or alpaca, or examples after `map`."""
        return self.layout.name

    def __len__(self) -> int:
        return len(self.picks)

    def __iter__(self) -> Iterator[Example]:
        for at in self.picks:
            yield self.layout.example(decode(self.store.record(at)))

    @overload
    def __getitem__(self, index: int) -> Example: ...

    @overload
    def __getitem__(self, index: slice) -> Dataset: ...

    def __getitem__(self, index: int | slice) -> Example | Dataset:
        if isinstance(index, slice):
            return self.select(range(len(self))[index])
        return self.layout.example(decode(self.store.record(self.picks[index])))

    def select(self, indices: Iterable[int]) -> Dataset:
        """The rows at these 0-based positions, in this order."""
        return replace(self, picks=array("Q", (self.picks[i] for i in indices)))

    def filter(self, keep: Callable[[Example], bool]) -> Dataset:
        """The rows for which `keep` is true."""
        return self.select(index for index, example in enumerate(self) if keep(example))

    def map(self, change: Callable[[Example], Example]) -> Dataset:
        """The rows as `change` returns them (use `dataclasses.replace`); they keep their row numbers.

        Raises DataError naming the first row for which no valid Example comes back.
        """
        kept = Writer()
        extra: dict[str, None] = {}
        for at in self.picks:
            row, values = self.store.row(at), decode(self.store.record(at))
            columns = self.layout.columns(values)
            before = {name: columns[name] for name in self.layout.mapped if name in columns}
            changed = change(self.layout.example(values))
            try:
                data = store(changed, before)
            except DataError as error:
                fault = replace(error.faults[0], row=row.number, line=row.line, offset=row.offset)
                raise DataError(f"{self.source}: map made a row unusable", [fault]) from error
            extra.update(dict.fromkeys(changed.fields))
            kept.add(data, row.number, row.line, row.offset)
        layout = Materialised(self.layout.mapped)
        whole = kept.store(self.source)
        return Dataset(self.source, self.name, layout, whole, range(len(whole)), tuple(extra))

    def values(self, column: str) -> list[Any]:
        """A column's value in every row, None where a row has none; mapped columns are there too.

        Raises DataError with the nearest right word where no row has the column.
        """
        known = [*self.layout.mapped, *self.columns]
        if column not in known:
            hint = nearest(column, known) or "; its rows have no columns beside the messages"
            raise DataError(f"{self.source}: there is no column {column!r}{hint}")
        return [self.layout.columns(decode(self.store.record(at))).get(column) for at in self.picks]

    def split(
        self,
        test: float = 0.1,
        seed: int = 0,
        group_by: str | Sequence[str] | Callable[[Example], Any] | None = None,
        duplicates: splits.Duplicates = "prompt",
    ) -> tuple[Dataset, Dataset]:
        """(train, held_out), without a row on one side that is known from the other.

        `test` is a share (0.1) or a number of rows. Rows with an equal prompt stay together (with duplicates="row" only
        wholly equal rows), and so do rows that share a value of any column of `group_by` (a name, several names, or a
        function of the Example); rows without a value (missing, null or "") belong to no group. The held-out rows
        depend on `seed` and content, not on row order. Raises DataError where no split comes near the wanted size.
        """
        held = set(splits.held_out(self, test, seed, group_by, duplicates))
        train = self.select(index for index in range(len(self)) if index not in held)
        return train, self.select(sorted(held))

    def __reduce__(self) -> tuple[Any, ...]:
        """Only its own rows travel: by their bytes, or, from a large file, by the path and their places in it."""
        store = self.store.taken(self.picks)
        return _again, (self.source, self.name, self.layout, store, self.columns)

    def __repr__(self) -> str:
        head = f"Dataset({self.source!r}, {len(self):,} rows, {self.format}"
        if self.columns:
            head += f", columns {', '.join(self.columns)}"
        if not self.picks:
            return f"{head})"
        try:
            turns = " -> ".join(f"{m.role}: {_short.repr(m.content)}" for m in self[0].messages[:4])
        except DataError as error:  # a debugger must be able to show it
            turns = error.faults[0].reason
        return f"{head})\n  row {self.rows[0].number}: {turns}"


@dataclass(frozen=True, slots=True, eq=False)
class Rows(Sequence[Row]):
    """The rows of a data set, without their content. Equal to any other sequence of equal rows."""

    store: Store
    picks: Sequence[int]

    def __len__(self) -> int:
        return len(self.picks)

    def __iter__(self) -> Iterator[Row]:
        return map(self.store.row, self.picks)

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> Rows: ...

    def __getitem__(self, index: int | slice) -> Row | Rows:
        if isinstance(index, slice):
            return replace(self, picks=self.picks[index])
        return self.store.row(self.picks[index])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]


def _again(
    source: str, name: str, layout: Layout, store: Store, columns: tuple[str, ...]
) -> Dataset:
    return Dataset(source, name, layout, store, range(len(store)), columns)


_short = reprlib.Repr()
_short.maxstring = 60
