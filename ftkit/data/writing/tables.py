"""Rows as cells of CSV and TSV, which hold text and nothing else. All cells are quoted, so that none can be misread."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ftkit.data.strict_json import kind_of
from ftkit.errors import Fault


def cell_faults(row: Mapping[str, Any]) -> Iterator[Fault]:
    """The values that are no text: as a cell they would be read again as something else."""
    for name, value in row.items():
        if isinstance(value, list | dict):
            yield Fault(f"is {kind_of(value)}, and a cell holds text: write .jsonl", field=name)
        elif not isinstance(value, str):
            yield Fault(
                f"is {kind_of(value)}, which a cell would give back as text: write .jsonl",
                field=name,
            )


def lines(
    rows: Iterable[Mapping[str, Any]], columns: Iterable[str], separator: str
) -> Iterator[bytes]:
    """The header, then a line a row; a row without a column has an empty cell there."""
    names = list(columns)
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        yield _taken(text)
        writer.writerow([row.get(name, "") for name in names])
    yield _taken(text)


def _taken(text: io.StringIO) -> bytes:
    found = text.getvalue().encode("utf-8")
    text.seek(0)
    text.truncate()
    return found
