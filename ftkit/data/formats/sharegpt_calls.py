"""Tools in ShareGPT rows: a call is a turn of JSON text without an id, and its result is the next turn.

A result belongs to the first call that has none yet. Where that leaves a call over, the row is refused: which call the
result answers would be a guess.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ftkit.data.formats.layout import empty
from ftkit.data.formats.turns import tool_faults
from ftkit.data.strict_json import kind_of
from ftkit.errors import Fault

_SHAPE = 'a call is JSON text: {"name": ..., "arguments": {...}}, or a list of such objects'


class Calls:
    """Turns one after the other into the shape of chat APIs; raises ValueError for one that cannot be."""

    def __init__(self) -> None:
        self._made = 0
        self._open: list[str] = []
        self._answered = False

    def turn(self, role: str, value: str) -> dict[str, Any]:
        """`role` is user, assistant, system, call or result."""
        if role == "result":
            if not self._open:
                raise ValueError("is the result of no call: no call before it is without one")
            self._answered = True
            return {"role": "tool", "tool_call_id": self._open.pop(0), "content": value}
        if self._open and self._answered:
            raise ValueError("comes before each of the calls made at once has its result")
        self._open, self._answered = [], False
        if role != "call":
            return {"role": role, "content": value}
        return {"role": "assistant", "content": None, "tool_calls": self._calls(value)}

    def _calls(self, value: str) -> list[dict[str, Any]]:
        made = []
        for call in _parsed(value):
            name, arguments = call.get("name"), call.get("arguments")
            if set(call) != {"name", "arguments"} or not isinstance(name, str) or not name:
                raise ValueError(_SHAPE)
            if isinstance(arguments, dict):
                arguments = json.dumps(arguments, ensure_ascii=False)
            elif not (isinstance(arguments, str) and isinstance(_json(arguments), dict)):
                raise ValueError(_SHAPE)  # noqa: TRY004 - it is about the text
            id = f"call_{self._made}"
            self._made += 1
            self._open.append(id)
            function = {"name": name, "arguments": arguments}
            made.append({"id": id, "type": "function", "function": function})
        return made


def _parsed(value: str) -> list[dict[str, Any]]:
    found = _json(value)
    calls = found if isinstance(found, list) else [found]
    if not calls or not all(isinstance(call, dict) for call in calls):
        raise ValueError(_SHAPE)
    return calls


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError(f"has a key twice; {_SHAPE}")
    return dict(pairs)


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is not JSON; {_SHAPE}")


def _json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise ValueError(_SHAPE) from error
    except RecursionError as error:
        raise ValueError("is nested too deep") from error


def tools_of(values: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[Fault]]:
    """The tools of a row, which are a list or its JSON text, in the shape of chat APIs; or what is wrong with them."""
    given = values.get("tools")
    if empty(given) or given == "":
        return [], []
    if isinstance(given, str):
        try:
            given = _json(given)
        except ValueError:
            return [], [Fault("must be a list of tools, or its JSON text", field="tools")]
    if not isinstance(given, list):
        return [], [Fault(f"must be a list of tools, is {kind_of(given)}", field="tools")]
    tools = [
        {"type": "function", "function": tool}
        if isinstance(tool, dict) and "name" in tool
        else tool
        for tool in given
    ]
    faults = list(tool_faults(tools))
    return ([], faults) if faults else (tools, [])
