"""CSV and TSV with a header line (RFC 4180 quoting). Every value is text and stays as it is written."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Collection, Iterator
from typing import Any

from ftkit.data.reading.dialect import delimiter
from ftkit.data.reading.records import ROW_LIMIT, Reading, Record, placed, too_long
from ftkit.data.reading.text import Text
from ftkit.data.strict_json import check_text, parse_value
from ftkit.errors import DataError, Fault

_CELL_LIMIT = 1 << 30  # Python's own limit of 131,072 characters a cell would refuse legal files
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")
_UNREAD = "; nothing after it was read, as a quote may be open"


class _TooLong(Exception):
    """The row that is being read goes above the limit."""


class _Lines:
    """Lines of the text as the csv module wants them, with the place of the next one."""

    def __init__(self, text: Text) -> None:
        self._blocks = text.blocks()
        self._text = text
        self._block, self._at = b"", 0
        self.offset = text.start
        self.line = 1
        self.begin_row()

    def begin_row(self) -> None:
        """What comes from now on counts as one row."""
        self.row_offset, self.row_line = self.offset, self.line

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = self._next()
        self.offset += len(raw)
        self.line += 1
        if self.offset - self.row_offset > ROW_LIMIT:
            raise _TooLong
        # bytes that are not UTF-8 come through as surrogates, so that their row can be named
        return raw.decode("utf-8", "surrogateescape")

    def _next(self) -> bytes:
        """The next line with its end; the unfinished one of a damaged file does not come."""
        held: list[bytes] = []
        size = 0
        while True:
            end = self._block.find(b"\n", self._at) + 1
            piece = self._block[self._at : end or len(self._block)]
            held.append(piece)
            size += len(piece)
            if end:
                self._at = end
                return piece if len(held) == 1 else b"".join(held)
            if self.offset + size - self.row_offset > ROW_LIMIT:
                self.offset += size
                raise _TooLong
            self._block, self._at = next(self._blocks, b""), 0
            if not self._block:
                if size and self._text.damage is None:
                    return b"".join(held)
                raise StopIteration


def read_delimited(
    text: Text, usual: str = ",", wanted: Collection[str] = (), json_columns: Collection[str] = ()
) -> Reading:
    """Every row or its fault, in order; rows are counted without the header, lines with it.

    `usual` separates the columns where nothing says otherwise, `wanted` are names of columns that are looked for. Cells
    of `json_columns` that begin with [ are read as JSON. Raises DataError for a header that cannot be used.
    """
    # process-wide, so it is only ever raised: lowering it again could break a file read at the same time
    csv.field_size_limit(max(csv.field_size_limit(), _CELL_LIMIT))
    start = text.start
    separator = delimiter(text.head[start:], usual, wanted)
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    header = _header(reader, start)
    row = 0
    while True:
        lines.begin_row()
        line, offset = lines.line, lines.offset
        try:
            cells = next(reader)
        except StopIteration:
            break
        except _TooLong:
            yield too_long(lines.offset - offset, row + 1, line, offset, _UNREAD)
            return
        except csv.Error as error:
            if text.damage is not None and "unexpected end" in str(error):
                break
            row += 1
            yield Fault(_quoting(error), row=row, line=line, offset=offset)
            continue
        if not cells:
            continue
        row += 1
        try:
            values = _values(header, cells, json_columns)
        except DataError as error:
            yield from placed(error, row, line, offset)
            continue
        data = json.dumps(values, ensure_ascii=False).encode("utf-8")
        yield Record(row, line, offset, data, values)
    if text.damage is not None:
        yield Fault(f"{text.damage}; fetch or write it again", row + 1, line, offset)


def _quoting(error: csv.Error) -> str:
    if "new-line character" in str(error):
        return "a lone carriage return, where a line feed should end the row; save the file with line feeds (\\n)"
    return f"invalid quoting: {error}"


def _header(reader: Iterator[list[str]], start: int) -> list[str]:
    try:
        header = next((cells for cells in reader if cells), [])
    except csv.Error as error:
        raise _bad_header(f"the header line: {_quoting(error)}", start) from error
    except _TooLong as error:
        raise _bad_header(f"the header line has more than {ROW_LIMIT >> 20} MB", start) from error
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
