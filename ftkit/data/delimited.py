"""CSV and TSV with a header line (RFC 4180 quoting). Every value is text and stays as it is written."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Collection, Iterator
from typing import Any

from ftkit.data.records import Reading, Record
from ftkit.data.strict_json import check_text, parse_value
from ftkit.errors import DataError, Fault

_CELL_LIMIT = 1 << 30  # Python's own limit of 131,072 characters a cell would refuse legal files
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")


class _Lines:
    """Lines of the body as the csv module wants them, with the place of the next one."""

    def __init__(self, body: bytes, start: int) -> None:
        self._body = body
        self.offset = start
        self.line = 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.offset >= len(self._body):
            raise StopIteration
        end = self._body.find(b"\n", self.offset)
        end = len(self._body) if end < 0 else end + 1
        # bytes that are not UTF-8 come through as surrogates, so that their row can be named
        text = self._body[self.offset : end].decode("utf-8", "surrogateescape")
        self.offset = end
        self.line += 1
        return text


def read_delimited(
    body: bytes, start: int = 0, delimiter: str = ",", json_columns: Collection[str] = ()
) -> Reading:
    """Every row or its fault, in order; rows are counted without the header, lines with it.

    Cells of `json_columns` that begin with [ are read as JSON. Raises DataError for a header that cannot be used.
    """
    # process-wide, so it is only ever raised: lowering it again could break a file read at the same time
    csv.field_size_limit(max(csv.field_size_limit(), _CELL_LIMIT))
    lines = _Lines(body, start)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header = _header(reader, start)
    row = 0
    while True:
        line, offset = lines.line, lines.offset
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            row += 1
            yield Fault(f"invalid quoting: {error}", row=row, line=line, offset=offset)
            continue
        if not cells:
            continue
        row += 1
        try:
            values = _values(header, cells, json_columns)
        except DataError as error:
            fault = error.faults[0]
            yield Fault(fault.reason, row=row, line=line, offset=offset, field=fault.field)
            continue
        data = json.dumps(values, ensure_ascii=False).encode("utf-8")
        yield Record(row, line, offset, data, values)


def _header(reader: Iterator[list[str]], start: int) -> list[str]:
    try:
        header = next((cells for cells in reader if cells), [])
    except csv.Error as error:
        raise _bad_header(f"the header line has invalid quoting: {error}", start) from error
    for position, name in enumerate(header):
        if name in header[:position]:
            raise _bad_header(f"the header names the column {name!r} twice; rename one", start)
        if "\0" in name or _ESCAPED_BYTE.search(name):
            raise _bad_header(f"the name of column {position + 1} is not UTF-8 text", start)
    return header


def _bad_header(reason: str, start: int) -> DataError:
    return DataError(reason, [Fault(reason, line=1, offset=start)])


def _values(header: list[str], cells: list[str], json_columns: Collection[str]) -> dict[str, Any]:
    if len(cells) != len(header):
        reason = f"{len(cells)} cells, but the header has {len(header)} columns"
        raise DataError(reason, [Fault(reason)])
    values: dict[str, Any] = {}
    for name, cell in zip(header, cells, strict=True):
        if not cell.isascii() and _ESCAPED_BYTE.search(cell):
            reason = "invalid UTF-8; save the file as UTF-8"
            raise DataError(reason, [Fault(reason, field=name)])
        check_text(cell, name)
        is_json = name in json_columns and cell.lstrip().startswith("[")
        values[name] = _json_cell(name, cell) if is_json else cell
    return values


def _json_cell(name: str, cell: str) -> Any:
    try:
        return parse_value(cell.encode("utf-8"))
    except DataError as error:
        reason = f"the cell must hold JSON: {error.faults[0].reason}"
        raise DataError(reason, [Fault(reason, field=name)]) from error
