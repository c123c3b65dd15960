"""The rule for strict JSON schemas: every object closed, every property required. The real service refuses others."""

from __future__ import annotations

from typing import Any

from .refusals import Refusal


def refuse_unless_strict(schema: Any, name: str, param: str, path: tuple[str, ...] = ()) -> None:
    """Refusal (400) naming the first object that is open or has a property which is not required."""
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "object" or "properties" in schema:
        names = list(schema.get("properties", {}))
        if schema.get("additionalProperties") is not False:
            raise _invalid(
                name,
                param,
                path,
                "'additionalProperties' is required to be supplied and to be false.",
            )
        if missing := [one for one in names if one not in schema.get("required", ())]:
            raise _invalid(
                name,
                param,
                path,
                f"'required' is required to be supplied and to be an array including every key in properties. "
                f"Missing '{missing[0]}'.",
            )
    for key in ("properties", "$defs", "definitions"):
        for one, inner in (schema.get(key) or {}).items():
            refuse_unless_strict(inner, name, param, (*path, key, one))
    if "items" in schema:
        refuse_unless_strict(schema["items"], name, param, (*path, "items"))
    for place, inner in enumerate(schema.get("anyOf") or ()):
        refuse_unless_strict(inner, name, param, (*path, "anyOf", str(place)))


def _invalid(name: str, param: str, path: tuple[str, ...], what: str) -> Refusal:
    return Refusal(
        400, f"Invalid schema for {param} '{name}': In context={path}, {what}", param=param
    )
