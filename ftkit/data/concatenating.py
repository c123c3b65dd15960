"""Several data sets as one: `Dataset.concat`. Rows of one format stay as they are, of several they become `examples`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ftkit.data.changing import changed
from ftkit.data.formats import Materialised
from ftkit.data.provenance import Provenance
from ftkit.data.storage import join
from ftkit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ftkit.data.dataset import Dataset


def concatenated(sets: Sequence[Dataset]) -> Dataset:
    """All their rows in order. Raises ConfigError for what is no Dataset."""
    from ftkit.data.dataset import Dataset

    for one in sets:
        if not isinstance(one, Dataset):
            raise ConfigError(
                f"concat takes data sets, not {type(one).__name__}; ftkit.load() makes one"
            )
    first = sets[0]
    layout, rows = first.layout, [(one.store, one.picks) for one in sets]
    if any(one.layout != layout for one in sets):
        mapped = dict.fromkeys(name for one in sets for name in one.layout.mapped)
        layout, rows = Materialised(tuple(mapped)), []
        for one in sets:
            store = changed(one, lambda example: example)[0]
            rows.append((store, range(len(store))))
    columns = dict.fromkeys(name for one in sets for name in one.columns)
    joined = join(rows)
    whole = Dataset(joined.source, first.name, layout, joined, range(len(joined)), tuple(columns))
    made = Provenance(
        joined.source,
        whole.format,
        "",
        len(whole),
        whole.sha256,
        (f"concat {len(sets)} data sets of {' + '.join(f'{len(one):,}' for one in sets)} rows",),
        tuple(one.provenance for one in sets),
    )
    return replace(whole, provenance=made)
