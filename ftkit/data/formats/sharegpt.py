"""Rows of the shape {"conversations": [{"from": "human", "value": ...}, {"from": "gpt", "value": ...}]}, in its dialects.

Its tool calls have no ids: on reading they get some, in order, so a row with calls is read and not written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ftkit.data.example import Example, Message
from ftkit.data.formats.layout import OfTurns, beside_faults, by_fields, empty
from ftkit.data.formats.sharegpt_calls import Calls, tools_of
from ftkit.data.formats.turns import turn_faults, turns
from ftkit.data.strict_json import kind_of
from ftkit.errors import Fault
from ftkit.words import nearest

ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "system": "system",
    "function_call": "call",
    "tool_call": "call",
    "observation": "result",
    "function_response": "result",
    "tool": "result",
}
_WRITTEN = {"user": "human", "assistant": "gpt", "system": "system"}
_FIELD = "conversations"


@dataclass(frozen=True, slots=True)
class ShareGPT(OfTurns):
    """Conversations; `system` is added to rows that have no system message of their own."""

    system: str | None = None

    name = "sharegpt"
    wants = (_FIELD,)
    reads = (_FIELD, "system", "tools")
    mapped = ()
    carries = frozenset(
        {
            "system",
            "empty_system",
            "late_system",
            "multi_turn",
            "free_order",
            "turn_marks",
            "fields",
        }
    )
    json_columns = (_FIELD,)

    def example(self, values: Mapping[str, Any]) -> Example:
        """The conversation with its tools; every other column goes to `fields`."""
        said = _as_chat(values[_FIELD])[0]
        messages = turns(said)
        system = values.get("system") or self.system
        if system is not None and messages[0].role != "system":
            messages = (Message("system", system), *messages)
        return Example(messages, self.columns(values), tools=tuple(tools_of(values)[0]))

    def faults(self, values: Mapping[str, Any]) -> Iterator[Fault]:
        """What is wrong with one row."""
        yield from tools_of(values)[1]
        yield from beside_faults(self.name, values, self.reads)
        own = values.get("system")
        if own is not None and not isinstance(own, str):
            yield Fault(f"must be text, is {kind_of(own)}", field="system")
            own = None
        if _FIELD not in values:
            yield Fault("the field is missing", field=_FIELD)
            return
        said, faults = _as_chat(values[_FIELD])
        yield from faults
        if faults:
            return
        if said and isinstance(said[0], dict) and said[0].get("role") in ("system", "developer"):
            stands = said[0].get("content")
            yield from _two_systems(stands, own or None, "the field 'system'")
            yield from _two_systems(stands, self.system, "system=")
        elif own:
            yield from _two_systems(own, self.system, "system=")

    def sniff(self, values: Mapping[str, Any]) -> tuple[int, str]:
        """By its field."""
        return by_fields(self.wants, values)

    def write(self, example: Example) -> dict[str, Any]:
        """The turns under the names that most readers know: system, human and gpt."""
        said = [{"from": _WRITTEN[one.role], "value": one.content} for one in example.messages]
        return {_FIELD: said, **example.fields}


def _two_systems(stands: Any, other: str | None, where: str) -> Iterator[Fault]:
    if other is not None and stands != other:
        yield Fault(
            f"the conversation has another system message than {where}; leave one of them out",
            field=_FIELD,
        )


def _as_chat(said: Any) -> tuple[list[dict[str, Any]], list[Fault]]:
    """The turns in the shape of chat APIs, or what is wrong with them."""
    if not isinstance(said, list) or not said:
        found = "an empty list" if said == [] else kind_of(said)
        return [], [Fault(f"must be a list of turns, is {found}", field=_FIELD)]
    if all(isinstance(one, dict) and "role" in one and "from" not in one for one in said):
        return said, list(turn_faults(said, _FIELD))
    messages: list[dict[str, Any]] = []
    calls = Calls()
    for index, one in enumerate(said):
        path = f"{_FIELD}[{index}]"
        faults = list(_faults(one, path))
        if faults:
            return [], faults
        role, value = ROLES[one["from"]], one["value"]
        try:
            messages.append(calls.turn(role, value))
        except ValueError as error:
            return [], [Fault(str(error), field=f"{path}.value")]
    return messages, []


def _faults(one: Any, path: str) -> Iterator[Fault]:
    if not isinstance(one, dict):
        yield Fault(f"a turn must be an object, is {kind_of(one)}", field=path)
        return
    for key in ("from", "value"):
        if key not in one:
            yield Fault("the field is missing", field=f"{path}.{key}")
        elif not isinstance(one[key], str):
            yield Fault(f"must be text, is {kind_of(one[key])}", field=f"{path}.{key}")
        elif key == "from" and one[key] not in ROLES:
            yield Fault(
                f"unknown role {one[key]!r}{nearest(one[key], ROLES)}", field=f"{path}.from"
            )
    for key, value in one.items():
        if key not in ("from", "value") and not empty(value):
            yield Fault("unknown field; a turn carries from and value", field=f"{path}.{key}")
