"""Other texts put into the cells of a row of a table; every other cell keeps its bytes, its quotes too."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from typing import Any

from ftkit.data.mending.json_text import with_texts
from ftkit.data.mending.places import Path


def with_cells(
    data: bytes, separator: str, values: Mapping[str, Any], edits: Mapping[Path, str]
) -> bytes:
    """The row with these texts; `values` are its cells by column, read before. A cell of JSON is edited inside."""
    text = data.decode("utf-8")
    raw = _raw_cells(text, separator)
    columns = list(values)
    if [_plain(cell) for cell in raw] != _read(text, separator) or len(raw) != len(columns):
        raw = [_cell(cell, separator, quoted=False) for cell in _read(text, separator)]
    for index, column in enumerate(columns):
        inside = {path: new for path, new in edits.items() if path[0] == column}
        if not inside:
            continue
        cell = raw[index]
        new = inside.get((column,))
        if new is None:
            new = with_texts(_plain(cell).encode("utf-8"), inside, (column,)).decode("utf-8")
        raw[index] = _cell(new, separator, quoted=cell.startswith('"'))
    line = separator.join(raw)
    return ('""' if line == "" else line).encode("utf-8")


def as_read(values: Mapping[str, Any]) -> bytes:
    """The bytes that the reader gives for such a row."""
    return json.dumps(values, ensure_ascii=False).encode("utf-8")


def _raw_cells(text: str, separator: str) -> list[str]:
    cell = rf'("(?:[^"]|"")*"|[^{re.escape(separator)}]*)'
    found = [text[: match.end()] for match in [re.match(cell, text)] if match]
    cells, at = found, len(found[0])
    pattern = re.compile(re.escape(separator) + cell)
    while at < len(text) and (match := pattern.match(text, at)):
        cells.append(match.group(1))
        at = match.end()
    return cells


def _plain(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if cell.startswith('"') else cell


def _cell(text: str, separator: str, quoted: bool) -> str:
    if quoted or text.startswith('"') or any(char in text for char in (separator, "\r", "\n")):
        return '"' + text.replace('"', '""') + '"'
    return text


def _read(text: str, separator: str) -> list[str]:
    lines = io.StringIO(text, newline="\n")
    return next(csv.reader(lines, delimiter=separator, strict=True), [])
