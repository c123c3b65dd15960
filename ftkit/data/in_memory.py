"""Rows that are Python objects already: a list of dicts, or anything that iterates dicts.

They become JSON bytes at once, so that a later change of the caller's dicts changes nothing here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ftkit.data.fast_json import decode
from ftkit.data.reading.records import ROW_LIMIT, Reading, Record
from ftkit.data.strict_json import MAX_DEPTH, MAX_DIGITS, check_text, kind_of
from ftkit.errors import DataError, Fault


def read_objects(rows: Iterable[Any]) -> Reading:
    """Every row or its fault, in order; there are no lines and no offsets. A Fault among the rows gets its number."""
    for number, row in enumerate(rows, start=1):
        if isinstance(row, Fault):
            yield replace(row, row=number)
            continue
        try:
            data = to_bytes(row)
        except DataError as error:
            fault = error.faults[0]
            yield Fault(fault.reason, row=number, field=fault.field)
        else:
            yield Record(number, None, None, data, decode(data))


def to_bytes(row: Any) -> bytes:
    """A dict of plain values as JSON bytes; raises DataError with one Fault that names the field."""
    if not isinstance(row, Mapping):
        raise _bad(f"a row must be a dict, this is {kind_of(row)}", None)
    data = json.dumps(_plain(row, "", 0), ensure_ascii=False).encode("utf-8")
    if len(data) > ROW_LIMIT:
        raise _bad(
            f"the row has {len(data):,} bytes; one above {ROW_LIMIT >> 20} MB is not read", None
        )
    return data


def _plain(value: Any, path: str, depth: int) -> Any:
    """The same value in dicts, lists and JSON's own types; anything else is refused, never converted in silence."""
    if depth > MAX_DEPTH:
        raise _bad(f"nested deeper than {MAX_DEPTH} levels", path)
    if isinstance(value, str):
        check_text(value, path)
        return str(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if value.bit_length() > MAX_DIGITS * math.log2(10):
            raise _bad(f"an integer of more than {MAX_DIGITS:,} digits; write it as text", path)
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _bad(f"{value} is not JSON; write None, or text", path)
        return float(value)
    if isinstance(value, Mapping):
        plain = {}
        for key, inner in value.items():
            if not isinstance(key, str):
                raise _bad(f"the key {key!r} must be text", path or None)
            check_text(key, path or None)
            plain[str(key)] = _plain(inner, f"{path}.{key}" if path else key, depth + 1)
        return plain
    if isinstance(value, list | tuple):
        return [_plain(inner, f"{path}[{i}]", depth + 1) for i, inner in enumerate(value)]
    raise _bad(
        f"{kind_of(value)} cannot be written as JSON; turn it into text or a number, "
        "or leave the column out",
        path,
    )


def _bad(reason: str, field: str | None) -> DataError:
    return DataError(reason, [Fault(reason, field=field)])
