"""Which character separates the columns of a table, found out from its first lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection

from ftkit.errors import DataError, Fault

NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_SAMPLE = 1 << 16  # bytes
_ROWS = 20


def delimiter(head: bytes, usual: str, wanted: Collection[str]) -> str:
    """The one that parts the header, and all of the first rows like the header.

    Of several the one under which a column bears a `wanted` name; raises DataError, naming all that are left, where
    that does not decide. `usual` is for a table of one column.
    """
    sample = head[:_SAMPLE]
    if len(head) > _SAMPLE:
        sample = sample[: sample.rfind(b"\n") + 1] or sample
    # not splitlines: U+2028 and its kin may stand inside a cell
    lines = list(io.StringIO(sample.decode("utf-8", "replace"), newline="\n"))
    tables = {one: _rows(lines, one, whole=len(head) <= _SAMPLE) for one in NAMES}
    parting = [one for one, rows in tables.items() if rows and len(rows[0]) > 1]
    if len(parting) < 2:
        return parting[0] if parting else usual
    for better in (
        [one for one in parting if not set(wanted).isdisjoint(tables[one][0])],
        [one for one in parting if len({len(row) for row in tables[one]}) == 1],
    ):
        parting = [one for one in parting if one in better] or parting
        if len(parting) == 1:
            return parting[0]
    reason = (
        f"the columns may be separated by {' or by '.join(NAMES[one] for one in parting)}; pass prompt= and "
        "completion= as the header names them, or put the names in quotes"
    )
    raise DataError(reason, [Fault(reason, line=1, offset=0)])


def _rows(lines: list[str], separator: str, whole: bool) -> list[list[str]]:
    """The first rows; none where the quotes do not fit. The last one of a sample may be cut and does not count."""
    rows: list[list[str]] = []
    try:
        for cells in csv.reader(lines, delimiter=separator, strict=True):
            if cells:
                rows.append(cells)
            if len(rows) > _ROWS:
                break
    except csv.Error:
        return rows[:1]
    return rows if whole or len(rows) < 2 else rows[:-1]
