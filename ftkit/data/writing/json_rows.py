"""Rows as JSON: an object a line, or all of them in one array, an element a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def objects(rows: Iterable[Mapping[str, Any]], array: bool) -> Iterator[bytes]:
    """The text of the file, piece by piece."""
    before = "[\n" if array else ""
    for row in rows:
        yield (before + json.dumps(row, ensure_ascii=False)).encode("utf-8")
        before = ",\n" if array else "\n"
    yield b"\n]\n" if array else b"\n"
