"""Examples as rows of training files: Gemini's contents, its scored completions, and the messages of open models.

All of a row that the model reads is in it; its other columns (`Example.fields`) stay here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ftkit.data.example import Example, as_dicts
from ftkit.data.formats.google import Google
from ftkit.data.formats.google_preference import GooglePreference


def gemini_row(example: Example) -> bytes:
    """One line for Gemini; the types of a tool's parameters are written in capitals, as Google's schemas have them."""
    bare = replace(example, fields={})
    wire = GooglePreference().write(bare) if example.rejected else Google().write(bare)
    for tool in wire.get("tools", ()):
        tool["functionDeclarations"] = [_declared(one) for one in tool["functionDeclarations"]]
    return _line(wire)


def open_row(example: Example) -> bytes:
    """One line for an open model."""
    return _line({"messages": as_dicts(example.messages)})


def _line(wire: Mapping[str, Any]) -> bytes:
    return json.dumps(wire, ensure_ascii=False).encode()


def _declared(function: Mapping[str, Any]) -> dict[str, Any]:
    parameters = function.get("parameters")
    if not isinstance(parameters, Mapping):
        return dict(function)
    return {**function, "parameters": in_capitals(parameters)}


def in_capitals(schema: Any) -> Any:
    """A JSON schema with its types as Google's API spells them."""
    if not isinstance(schema, Mapping):
        return schema
    made = dict(schema)
    for key, value in schema.items():
        if key == "type" and isinstance(value, str):
            made[key] = value.upper()
        elif key in ("items", "not") or (key == "additionalProperties" and value is not False):
            made[key] = in_capitals(value)
        elif key in ("anyOf", "allOf", "oneOf", "prefixItems") and isinstance(value, list):
            made[key] = [in_capitals(one) for one in value]
        elif key in ("properties", "$defs", "defs") and isinstance(value, Mapping):
            made[key] = {name: in_capitals(one) for name, one in value.items()}
    return made
