"""An Example as a row of a format: whole, or refused with the field that the format cannot carry.

The row is read back before it is given out. So a writer that forgets something is an error here, never a smaller row.
"""

from __future__ import annotations

import json
from typing import Any

from ftkit.data.example import Example
from ftkit.data.formats.features import WORDS, features
from ftkit.data.formats.layout import Format
from ftkit.errors import DataError, Fault


def row_of(example: Example, format: Format) -> dict[str, Any]:
    """The row as a dict of JSON values; raises DataError with a fault for each field that cannot be carried."""
    faults = list(_refusals(example, format))
    if not faults:
        row = format.write(example)
        faults = list(format.faults(row))
        if not faults and _same(format.example(row), example):
            return row
        faults = faults or [
            Fault(f"would not be the same when it is read again as {format.name!r}")
        ]
    raise DataError(f"the row cannot be written as {format.name!r}", faults)


def _same(one: Example, other: Example) -> bool:
    """Equal, and tools in the same order of their fields, as that is what a template writes."""
    return one == other and json.dumps(one.tools) == json.dumps(other.tools)


def _refusals(example: Example, format: Format) -> list[Fault]:
    if not example.messages:
        return [Fault("an Example needs at least one message", field="messages")]
    found = list(features(example))
    faults = [
        Fault(f"{format.name!r} cannot carry {WORDS[feature]}", field=field)
        for feature, field in found
        if feature not in format.carries
    ]
    has = {feature for feature, _ in found}
    faults += [
        Fault(f"{format.name!r} needs {WORDS[feature]}", field=feature)
        for feature in format.needs
        if feature not in has
    ]
    faults += [
        Fault(f"{format.name!r} has a field of its own of this name", field=name)
        for name in example.fields
        if name in format.reads
    ]
    return faults
