"""The JSON Schema that a set of values fulfils: types, required keys, closed sets of words, formats."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

_DEEPEST = 12
_MOST_WORDS = 20  # of an enum; more than that is no closed set
_USES = 5  # each word of an enum stands that often on average
_MOST_KEYS = 60  # an object with more different keys is a table, not a record

_FORMATS = (
    ("date", re.compile(r"\d{4}-[01]\d-[0-3]\d\Z")),
    (
        "date-time",
        re.compile(r"\d{4}-[01]\d-[0-3]\d[Tt ][0-2]\d:[0-5]\d(:[0-5]\d(\.\d+)?)?\S{0,6}\Z"),
    ),
    ("email", re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+\Z")),
    ("uri", re.compile(r"https?://\S+\Z")),
    ("uuid", re.compile(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")),
)


def inferred_schema(values: Sequence[Any]) -> dict[str, Any]:
    """A schema that every one of the values fulfils; a key is required where every object has it."""
    return _schema(values, 0)


def _schema(values: Sequence[Any], depth: int) -> dict[str, Any]:
    types = {_type(value) for value in values}
    if types >= {"integer", "number"}:
        types.discard("integer")
    if not types or depth > _DEEPEST:
        return {}
    ordered = sorted(types)
    schema: dict[str, Any] = {"type": ordered[0] if len(ordered) == 1 else ordered}
    if "object" in types:
        schema |= _object([value for value in values if isinstance(value, dict)], depth)
    if "array" in types:
        items = [item for value in values if isinstance(value, list) for item in value]
        schema |= {"items": _schema(items, depth + 1)} if items else {}
    if ordered == ["string"]:
        schema |= _string(values)
    return schema


def _object(values: Sequence[Mapping[str, Any]], depth: int) -> dict[str, Any]:
    counts = Counter(key for value in values for key in value)
    if len(counts) > _MOST_KEYS:
        every = [item for value in values for item in value.values()]
        return {"additionalProperties": _schema(every, depth + 1)}
    inner = {
        key: _schema([value[key] for value in values if key in value], depth + 1) for key in counts
    }
    required = [key for key, count in counts.items() if count == len(values)]
    return {"properties": inner, "required": required, "additionalProperties": False}


def _string(values: Sequence[str]) -> dict[str, Any]:
    counts = Counter(values)
    if len(counts) <= _MOST_WORDS and len(values) >= _USES * len(counts):
        return {"enum": sorted(counts)}
    for name, pattern in _FORMATS:
        if all(pattern.match(value) for value in counts):
            return {"format": name}
    return {}


def _type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
