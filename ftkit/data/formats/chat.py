"""Rows of the shape {"messages": [{"role": ..., "content": ...}, ...], "tools": [...]}."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ftkit.data.example import Example, Message
from ftkit.data.formats.turns import row_faults, rows_tools, turn_faults, turns
from ftkit.errors import Fault


@dataclass(frozen=True, slots=True)
class Chat:
    """Conversations; `system` is added to rows that have no system message of their own."""

    system: str | None = None

    name = "chat"
    wants = ("messages",)
    reads = ("messages", "tools", "parallel_tool_calls")
    mapped = ()

    @property
    def identity(self) -> str:
        """The added system message changes what is learned."""
        return f"chat {self.system!r}"

    def example(self, values: Mapping[str, Any]) -> Example:
        """The conversation with its tools; every other column goes to `fields`."""
        messages = turns(values["messages"])
        if self.system is not None and messages[0].role != "system":
            messages = (Message("system", self.system), *messages)
        return Example(
            messages,
            self.columns(values),
            tools=rows_tools(values),
            parallel_tool_calls=values.get("parallel_tool_calls"),
        )

    def columns(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """All but what the model reads."""
        return {key: value for key, value in values.items() if key not in self.reads}

    def faults(self, values: Mapping[str, Any]) -> Iterator[Fault]:
        """What is wrong with one row."""
        yield from row_faults(values)
        if "messages" not in values:
            yield Fault("the field is missing", field="messages")
            return
        yield from turn_faults(values["messages"], "messages")
        if self.system is not None:
            yield from other_system(values["messages"], self.system, "messages")


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
