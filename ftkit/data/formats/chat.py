"""Rows of the shape {"messages": [{"role": ..., "content": ...}, ...]}.

A message carries role and content, nothing else: what would change the meaning of a row and cannot be carried yet is a
fault, never dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ftkit.data.example import Example, Message
from ftkit.data.formats.layout import empty
from ftkit.data.strict_json import kind_of
from ftkit.errors import Fault
from ftkit.words import nearest

ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_LATER_ROLES = ("tool", "function")
_LATER_IN_ROW = (
    "tools",
    "functions",
    "tool_choice",
    "tool_calls",
    "function_call",
    "parallel_tool_calls",
    "weight",
)
_LATER_IN_MESSAGE = (
    "tool_calls",
    "function_call",
    "tool_call_id",
    "name",
    "weight",
    "reasoning_content",
    "refusal",
    "audio",
)


@dataclass(frozen=True, slots=True)
class Chat:
    """Conversations; `system` is added to rows that have no system message of their own."""

    system: str | None = None

    name = "chat"
    wants = ("messages",)
    mapped = ()

    @property
    def identity(self) -> str:
        """The added system message changes what is learned."""
        return f"chat {self.system!r}"

    def example(self, values: Mapping[str, Any]) -> Example:
        """The conversation; every other column goes to `fields`."""
        messages = tuple(Message(ROLES[m["role"]], m["content"]) for m in values["messages"])
        if self.system is not None and messages[0].role != "system":
            messages = (Message("system", self.system), *messages)
        return Example(messages, self.columns(values))

    def columns(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """All but the messages."""
        return {key: value for key, value in values.items() if key != "messages"}

    def faults(self, values: Mapping[str, Any]) -> Iterator[Fault]:
        """What is wrong with one row."""
        for key in _LATER_IN_ROW:
            if not empty(values.get(key)):
                yield Fault(f"{key!r} is not supported yet; remove it from the row", field=key)
        if "messages" not in values:
            yield Fault("the field is missing", field="messages")
            return
        messages = values["messages"]
        if not isinstance(messages, list) or not messages:
            found = "an empty list" if messages == [] else kind_of(messages)
            yield Fault(f"must be a list of messages, is {found}", field="messages")
            return
        for index, message in enumerate(messages):
            yield from _message_faults(message, f"messages[{index}]")
        first = messages[0]
        if self.system is None or not isinstance(first, dict):
            return
        if first.get("role") in ("system", "developer") and first.get("content") != self.system:
            yield Fault(
                "the row has another system message than system=; leave one of them out",
                field="messages[0].content",
            )


def _message_faults(message: Any, path: str) -> Iterator[Fault]:
    if not isinstance(message, dict):
        yield Fault(f"a message must be an object, is {kind_of(message)}", field=path)
        return
    for key, value in message.items():
        if key in ("role", "content") or empty(value):
            continue
        if key in _LATER_IN_MESSAGE:
            yield Fault(f"{key!r} in a message is not supported yet", field=f"{path}.{key}")
        else:
            yield Fault(
                f"unknown field; a message carries role and content{_meant(key)}",
                field=f"{path}.{key}",
            )
    role = message.get("role")
    if "role" not in message:
        yield Fault("the field is missing", field=f"{path}.role")
    elif not isinstance(role, str):
        yield Fault(f"must be text, is {kind_of(role)}", field=f"{path}.role")
    elif role in _LATER_ROLES:
        yield Fault(f"the role {role!r} is not supported yet", field=f"{path}.role")
    elif role not in ROLES:
        yield Fault(f"unknown role {role!r}{nearest(role, ROLES)}", field=f"{path}.role")
    content = message.get("content")
    if "content" not in message:
        yield Fault("the field is missing", field=f"{path}.content")
    elif isinstance(content, list):
        yield Fault(
            "content as a list of parts is not supported yet; write it as text",
            field=f"{path}.content",
        )
    elif not isinstance(content, str):
        yield Fault(f"must be text, is {kind_of(content)}", field=f"{path}.content")


def _meant(key: str) -> str:
    hint = nearest(key, ("role", "content"))
    return hint if "did you mean" in hint else ""
