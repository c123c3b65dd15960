"""Examples as rows of training files: Gemini's contents, its scored completions, and the messages of open models.

All of a row that the model reads is in it; its other columns (`Example.fields`) stay here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ftkit.data.example import Example, Message, as_dicts
from ftkit.data.formats.call_order import renumbered
from ftkit.data.formats.google import Google
from ftkit.data.formats.google_preference import GooglePreference
from ftkit.data.formats.json_text import text_of
from ftkit.data.formats.writing import row_of


def gemini_row(example: Example) -> bytes:
    """One line for Gemini; the types of a tool's parameters are written in capitals, as Google's schemas have them.

    Raises DataError with the field that has no place in it: the row is read back before it is given out.
    """
    example = _without_spelling(example)
    wire = row_of(example, GooglePreference() if example.rejected else Google())
    for tool in wire.get("tools", ()):
        tool["functionDeclarations"] = [_declared(one) for one in tool["functionDeclarations"]]
    return _line(wire)


def open_row(example: Example) -> bytes:
    """One line for an open model."""
    return _line({"messages": as_dicts(example.messages)})


def _without_spelling(example: Example) -> Example:
    """The same without what says nothing: columns, ids of calls, how JSON is spelt, a result's name and its parts."""
    same = replace(
        example,
        messages=tuple(_plain(turn) for turn in example.messages),
        rejected=tuple(_plain(turn) for turn in example.rejected),
        tools=tuple(_in_order(tool) for tool in example.tools),
        fields={},
    )
    return renumbered(same)


def _plain(turn: Message) -> Message:
    calls = tuple(replace(call, arguments=_spelt(call.arguments)) for call in turn.tool_calls)
    if turn.role == "tool":
        return replace(turn, name=None, parts=())
    return replace(turn, tool_calls=calls)


def _spelt(arguments: str) -> str:
    """An object's one spelling; any other text as it is, which then is refused."""
    try:
        held = json.loads(arguments or "{}")
    except ValueError:
        return arguments
    return text_of(held) if isinstance(held, dict) else arguments


def _in_order(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields of a tool in the order in which a format reads them back; others behind them."""
    function = tool.get("function")
    if not isinstance(function, Mapping):
        return tool
    known = [name for name in ("name", "description", "parameters") if name in function]
    rest = [name for name in function if name not in known]
    ordered = {name: function[name] for name in (*known, *rest)}
    return {"type": "function", **tool, "function": ordered}


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
