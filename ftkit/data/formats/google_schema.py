"""JSON Schema out of Google's: its types are written in capitals, and "nullable" and the rest stay as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TYPES = {
    name.upper(): name
    for name in ("string", "number", "integer", "boolean", "array", "object", "null")
}
_ONE = ("items", "additionalProperties", "not")
_SEVERAL = ("anyOf", "allOf", "oneOf", "prefixItems")
_NAMED = ("properties", "$defs", "defs")


def json_schema(schema: Any) -> Any:
    """The same schema with its types in JSON Schema's words; equal to what is given where they are."""
    if not isinstance(schema, Mapping):
        return schema
    made = dict(schema)
    for key, value in schema.items():
        if key == "type" and isinstance(value, str):
            made[key] = _TYPES.get(value, value)
        elif key in _ONE:
            made[key] = json_schema(value)
        elif key in _SEVERAL and isinstance(value, list):
            made[key] = [json_schema(one) for one in value]
        elif key in _NAMED and isinstance(value, Mapping):
            made[key] = {name: json_schema(one) for name, one in value.items()}
    return made
