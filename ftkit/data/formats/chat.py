"""Rows of the shape {"messages": [{"role": ..., "content": ...}, ...], "tools": [...]}."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Any

from ftkit.data.example import Example, Message, as_dicts
from ftkit.data.formats.features import EVERYTHING
from ftkit.data.formats.functions import NOTE, as_tools, is_old
from ftkit.data.formats.layout import OfTurns, by_fields
from ftkit.data.formats.turns import row_faults, rows_tools, turn_faults, turns
from ftkit.errors import Fault


@dataclass(frozen=True, slots=True)
class Chat(OfTurns):
    """Conversations; `system` is added to rows that have no system message of their own."""

    system: str | None = None

    name = "chat"
    wants = ("messages",)
    reads = ("messages", "tools", "functions", "parallel_tool_calls")
    mapped = ()
    carries = EVERYTHING - {"rejected"}
    json_columns = ("messages",)
    notes = MappingProxyType({"functions": NOTE})

    def example(self, values: Mapping[str, Any]) -> Example:
        """The conversation with its tools; every other column goes to `fields`."""
        row = as_tools(values)[0] if is_old(values) else values
        messages = turns(row["messages"])
        if self.system is not None and messages[0].role != "system":
            messages = (Message("system", self.system), *messages)
        return Example(
            messages,
            self.columns(values),
            tools=rows_tools(row),
            parallel_tool_calls=values.get("parallel_tool_calls"),
        )

    def faults(self, values: Mapping[str, Any]) -> Iterator[Fault]:
        """What is wrong with one row."""
        found = self._faults(values)
        first = next(found, None)
        if first is None:
            return found
        if not is_old(values):
            return chain((first,), found)
        row, faults = as_tools(values)
        return iter(faults or self._faults(row))

    def sniff(self, values: Mapping[str, Any]) -> tuple[int, str]:
        """By its field."""
        return by_fields(self.wants, values)

    def write(self, example: Example) -> dict[str, Any]:
        """The conversation, its tools, and the further columns."""
        return {**conversation(example, example.messages), **example.fields}

    def _faults(self, values: Mapping[str, Any]) -> Iterator[Fault]:
        """The same, of a row in the shape of today."""
        yield from row_faults(values)
        if "messages" not in values:
            yield Fault("the field is missing", field="messages")
            return
        yield from turn_faults(values["messages"], "messages")
        if self.system is not None:
            yield from other_system(values["messages"], self.system, "messages")


def conversation(example: Example, messages: Sequence[Message]) -> dict[str, Any]:
    """The fields of a request to a chat API: these messages, and the tools of the Example where it has any."""
    given: dict[str, Any] = {"messages": as_dicts(messages)}
    if example.tools:
        given["tools"] = [dict(tool) for tool in example.tools]
    if example.parallel_tool_calls is not None:
        given["parallel_tool_calls"] = example.parallel_tool_calls
    return given


def other_system(messages: Any, system: str | None, path: str) -> Iterator[Fault]:
    """A system message in the row that is not the one that is to be added."""
    first = messages[0] if isinstance(messages, list) and messages else None
    if system is None or not isinstance(first, dict):
        return
    if first.get("role") in ("system", "developer") and first.get("content") != system:
        yield Fault(
            "the row has another system message than system=; leave one of them out",
            field=f"{path}[0].content",
        )
