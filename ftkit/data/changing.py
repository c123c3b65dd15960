"""Rows as a function returns them: `Dataset.map`, and the common form of rows that came in several formats."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ftkit.data.example import Example
from ftkit.data.fast_json import decode
from ftkit.data.formats.materialised import store
from ftkit.data.storage import Joined, Part, Store, Writer
from ftkit.errors import DataError

if TYPE_CHECKING:
    from ftkit.data.dataset import Dataset


def changed(
    data: Dataset, change: Callable[[Example], Example]
) -> tuple[Store | Joined, tuple[str, ...]]:
    """The rows in their order, kept as they are returned, and the names of their further columns.

    Raises DataError naming the first row for which no valid Example comes back.
    """
    old = data.store
    parts = old.parts if isinstance(old, Joined) else (Part(old, 0),)
    kept = [Writer() for _ in parts]
    which, places = array("I"), array("Q")
    extra: dict[str, None] = {}
    for at in data.picks:
        row, values = old.row(at), decode(old.record(at))
        columns = data.layout.columns(values)
        before = {name: columns[name] for name in data.layout.mapped if name in columns}
        now = change(data.layout.example(values))
        try:
            written = store(now, before)
        except DataError as error:
            fault = replace(error.faults[0], row=row.number, line=row.line, offset=row.offset)
            raise DataError(f"{data.source}: map made a row unusable", [fault]) from error
        extra.update(dict.fromkeys(now.fields))
        part, own = old.place(at)[0], row.origin or row
        which.append(part)
        places.append(len(kept[part]))
        kept[part].add(written, own.number, own.line, own.offset)
    stores = [one.store(part.store.source) for one, part in zip(kept, parts, strict=True)]
    if not isinstance(old, Joined):
        return stores[0], tuple(extra)
    befores = (part.before for part in parts)
    whole = Joined(old.source, tuple(map(Part, stores, befores)), which, places)
    return whole, tuple(extra)
