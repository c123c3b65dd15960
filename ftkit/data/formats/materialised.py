"""Rows that a program made from Examples, as `Dataset.map` does. No file comes in this shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ftkit.data.example import Example, Message, as_dicts
from ftkit.data.formats.chat import ROLES
from ftkit.data.in_memory import to_bytes
from ftkit.data.strict_json import kind_of
from ftkit.errors import DataError, Fault


@dataclass(frozen=True, slots=True)
class Materialised:
    """`mapped` names the columns of the first file that became messages: they stay there to group by."""

    mapped: tuple[str, ...] = ()

    name = "examples"
    identity = "examples"

    def example(self, values: Mapping[str, Any]) -> Example:
        """The Example as it was made."""
        messages = tuple(Message(m["role"], m["content"]) for m in values["messages"])
        return Example(messages, values["fields"])

    def columns(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The columns of the first file, under the fields that the row has now."""
        return {**values["columns"], **values["fields"]}


def store(example: Any, columns: Mapping[str, Any]) -> bytes:
    """The bytes of one row; raises DataError with one Fault where it is no Example, or cannot be written."""
    if not isinstance(example, Example):
        raise _bad(f"the function must return an Example, it returned {kind_of(example)}", None)
    if not example.messages:
        raise _bad("an Example needs at least one message", "messages")
    for index, message in enumerate(example.messages):
        if ROLES.get(message.role) != message.role:
            raise _bad(f"unknown role {message.role!r}", f"messages[{index}].role")
        if not isinstance(message.content, str):
            raise _bad(f"must be text, is {kind_of(message.content)}", f"messages[{index}].content")
    return to_bytes(
        {"messages": as_dicts(example.messages), "fields": example.fields, "columns": columns}
    )


def _bad(reason: str, field: str | None) -> DataError:
    return DataError(reason, [Fault(reason, field=field)])
