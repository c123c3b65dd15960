"""The data set: rows stay where they are kept, decoded into Examples on access, never changed.

Every select, filter, map and split gives a new one with a hash of its own; its rows keep the numbers, lines and offsets
of the file they came from, so that a message always names the row to mend.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, overload

from ftkit.data.changing import changed
from ftkit.data.concatenating import concatenated
from ftkit.data.display import as_html, as_text
from ftkit.data.example import Example
from ftkit.data.exports import to_hf, to_pandas
from ftkit.data.fast_json import decode
from ftkit.data.formats import Layout, Materialised
from ftkit.data.provenance import Provenance, named
from ftkit.data.sampling import sampled
from ftkit.data.splitting import Duplicates, GroupBy, Near, Rules, Split, in_folds, nested, part
from ftkit.data.storage import Joined, Row, Store
from ftkit.errors import DataError
from ftkit.words import nearest

if TYPE_CHECKING:
    import datasets
    import pandas


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Dataset(Sequence[Example]):
    """Examples in order. `columns` are the extra columns, kept in `Example.fields` and never trained on.

    `source` is the name for messages (the path), `name` its short form, `sha256` changes with any row, the order of
    rows, the columns that are read and the added system message. Made by `load`.
    """

    source: str
    name: str
    layout: Layout
    store: Store | Joined
    picks: Sequence[int]  # which rows of the store, as a range or an array of 64-bit numbers
    columns: tuple[str, ...]
    detected: str = ""  # why the rows were read in this format, in words; "" after `map`
    provenance: Provenance = field(default=None)  # type: ignore[assignment]  # left out: it begins here
    sha256: str = field(init=False)

    def __post_init__(self) -> None:
        total = hashlib.sha256(self.layout.identity.encode("utf-8", "backslashreplace"))
        digest = self.store.digest
        for at in self.picks:
            total.update(b"\n" + digest(at).hex().encode("ascii"))
        object.__setattr__(self, "sha256", total.hexdigest())
        if self.provenance is None:
            begins = Provenance(self.source, self.format, self.detected, len(self), self.sha256)
            object.__setattr__(self, "provenance", begins.then("load"))

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
            return self.select(range(len(self))[index], why=f"rows {_spelled(index)}")
        return self.layout.example(decode(self.store.record(self.picks[index])))

    def select(self, indices: Iterable[int], *, why: str = "select") -> Dataset:
        """The rows at these 0-based positions, in this order; `why` is written into the provenance."""
        picks = array("Q", (self.picks[i] for i in indices))
        step = f"{why}: {len(picks):,} of {len(self):,} rows"
        return replace(self, picks=picks, provenance=self.provenance.then(step))

    def filter(self, keep: Callable[[Example], bool]) -> Dataset:
        """The rows for which `keep` is true."""
        kept = (index for index, example in enumerate(self) if keep(example))
        return self.select(kept, why=f"filter by {named(keep)}")

    def sample(self, n: float, seed: int = 0) -> Dataset:
        """`n` rows, or a share of them (0.1), in the order in which they stand: the same ones whatever that order is.

        Raises ConfigError where there are not so many.
        """
        return self.select(sampled(self, n, seed), why=f"sample {n}, seed {seed}")

    def map(self, change: Callable[[Example], Example]) -> Dataset:
        """The rows as `change` returns them (use `dataclasses.replace`); they keep their row numbers.

        Raises DataError naming the first row for which no valid Example comes back.
        """
        store, columns = changed(self, change)
        layout = Materialised(self.layout.mapped)
        return Dataset(
            self.source,
            self.name,
            layout,
            store,
            range(len(store)),
            columns,
            provenance=self.provenance.then(f"map by {named(change)}"),
        )

    def concat(self, *others: Dataset) -> Dataset:
        """The rows of this data set and of the others after them. Where formats differ they are as `map` makes them.

        Row numbers go on, so that each names one row in every message; `rows[i].origin` has the file's own number.
        """
        return concatenated([self, *others])

    def to_pandas(self) -> pandas.DataFrame:
        """A pandas DataFrame, an Example a row: where it stands, its texts, its turns, its tools, and its further columns.

        Raises NotInstalled without pandas.
        """
        return to_pandas(self)

    def to_hf(self) -> datasets.Dataset:
        """A Hugging Face data set in the format chat, or preference where rows have two answers; `load` reads it.

        Raises NotInstalled without the package datasets, DataError for rows that it cannot hold unchanged.
        """
        return to_hf(self)

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
        group_by: GroupBy = None,
        duplicates: Duplicates = "prompt",
        near: Near = None,
        stratify_by: str | None = None,
        time_by: str | None = None,
        previous: tuple[Dataset, Dataset] | None = None,
    ) -> Split:
        """(train, held_out), without a row on one side that is known from the other; with `.notes` and `.moved`.

        `test` is a share or a number of rows. Rows stay together that have an equal prompt (with duplicates="row" only
        wholly equal rows), the same question but for case, spaces and punctuation, or nearly the same (Jaccard similarity
        of `near`, by default 0.8 where it can be looked for; False turns it off), conversations of which one is the start
        of the other, and rows that share a value of any column of `group_by` (a name, several names, or a function of the
        Example); rows without a value (missing, null or "") belong to no group.
        A share is drawn by content alone: rows that are added move no old one. `previous`, an earlier split, keeps every
        row on its side. `stratify_by` (a column, or "label" for the answer) holds out the same share of each value,
        `time_by` (a column of numbers or ISO dates) the latest rows.
        Raises ConfigError for what cannot go together, DataError where no split comes near the wanted size.
        """
        rules = Rules(seed, group_by, duplicates, near)
        return part(self, test, rules, stratify_by=stratify_by, time_by=time_by, previous=previous)

    def folds(
        self,
        k: int,
        seed: int = 0,
        group_by: GroupBy = None,
        duplicates: Duplicates = "prompt",
        near: Near = None,
        stratify_by: str | None = None,
    ) -> list[Split]:
        """`k` splits for cross-validation: each row is held out in exactly one, and what `split` keeps together stays so.

        Raises ConfigError for a `k` below 2, DataError where rows hang together in fewer than `k` parts.
        """
        return in_folds(self, k, Rules(seed, group_by, duplicates, near), stratify_by)

    def fractions(self, shares: Sequence[float] = (0.25, 0.5, 1.0), seed: int = 0) -> list[Dataset]:
        """Parts of these shares of the rows, each of which holds every smaller one: for a curve of learning.

        To be taken of rows to train on: rows are counted one by one, so a part may lack what hangs together with its rows.
        """
        return [
            self.select(rows, why=f"fraction {share}, seed {seed}")
            for share, rows in zip(shares, nested(self, shares, seed), strict=True)
        ]

    def __reduce__(self) -> tuple[Any, ...]:
        """Only its own rows travel: by their bytes, or, from a large file, by the path and their places in it."""
        store = self.store.taken(self.picks)
        kept = self.columns, self.detected, self.provenance
        return _again, (self.source, self.name, self.layout, store, *kept)

    def __repr__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        return as_html(self)


@dataclass(frozen=True, slots=True, eq=False)
class Rows(Sequence[Row]):
    """The rows of a data set, without their content. Equal to any other sequence of equal rows."""

    store: Store | Joined
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


def _again(source: str, name: str, layout: Layout, store: Store | Joined, *kept: Any) -> Dataset:
    return Dataset(source, name, layout, store, range(len(store)), *kept)


def _spelled(part: slice) -> str:
    ends = ["" if end is None else str(end) for end in (part.start, part.stop, part.step)]
    return "[" + ":".join(ends[:2] if part.step is None else ends) + "]"
