"""What every reader yields: a record with its place, or the fault that took its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ftkit.errors import DataError, Fault


@dataclass(frozen=True, slots=True)
class Record:
    """One row: `data` is its JSON object in bytes, `values` the same parsed; 1-based row and line, offset in bytes."""

    row: int
    line: int | None
    offset: int | None
    data: bytes
    values: dict[str, Any]


Reading = Iterator[Record | Fault]


def attempt(
    parse: Callable[[bytes], dict[str, Any]],
    data: bytes,
    row: int,
    line: int | None,
    offset: int | None,
) -> Iterator[Record | Fault]:
    """The record that `parse` makes of the bytes, or its faults with their place filled in."""
    try:
        yield Record(row, line, offset, data, parse(data))
    except DataError as error:
        for fault in error.faults:
            yield replace(fault, row=row, line=line, offset=offset)
