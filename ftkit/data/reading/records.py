"""What every reader yields: a record with its place, or the fault that took its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from ftkit.errors import DataError, Fault

ROW_LIMIT = (
    64 << 20
)  # bytes of one row; what a compressed row expands to counts, so that no row fills the memory


class Record(NamedTuple):
    """One row: `data` is its JSON object in bytes, `values` the same parsed; 1-based row and line, offset in bytes.

    A tuple because it is made once a row, and a frozen dataclass takes as long as the parsing.
    """

    row: int
    line: int | None
    offset: int | None
    data: bytes
    values: dict[str, Any]


Reading = Iterator[Record | Fault]


def placed(error: DataError, row: int, line: int | None, offset: int | None) -> Iterator[Fault]:
    """The faults of an error about one row, with its place filled in."""
    for fault in error.faults:
        yield replace(fault, row=row, line=line, offset=offset)


def too_long(size: int, row: int, line: int, offset: int, more: str = "") -> Fault:
    """The fault of a row above ROW_LIMIT; `size` in bytes."""
    return Fault(
        f"the row has {size:,} bytes; one above {ROW_LIMIT >> 20} MB is not read{more}",
        row=row,
        line=line,
        offset=offset,
    )
