"""What of a conversation has to be found again in the text that a template makes of it, each thing in its slot.

Contents, names of called functions and their arguments. A skeleton is the same conversation with a placeholder in every
slot: a template that drops, repeats or rewrites something shows it there, whatever the row says.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ftkit.data.example import Message, ToolCall
from ftkit.errors import DataError

_PLACEHOLDER = re.compile(r'\{"ftkitprobe(\d+)x": 0\}|ftkitprobe(\d+)x')


@dataclass(frozen=True, slots=True)
class Calling:
    """How one template takes calls: `objects` wants arguments as objects, `empty` is the content of a turn that only calls.

    `quoted` writes a tool's result as JSON text; `ids` writes the ids of calls, without which results go by their order.
    """

    objects: bool = True
    empty: str | None = ""
    quoted: bool = False
    ids: bool = False


@dataclass(frozen=True, slots=True)
class Slot:
    """One thing that has to be in the text: what it is for a reader, and its text there."""

    what: str
    text: str
    role: str
    repeats: bool = False  # the name of a function may stand again where its result is


def slots_of(messages: Sequence[Message], calling: Calling) -> list[Slot]:
    """In the order in which a template writes them; raises DataError for arguments that cannot be passed on as they are."""
    found = []
    for number, message in enumerate(messages, start=1):
        who = f"message {number} ({message.role})"
        if message.content or not message.tool_calls:
            text = message.content
            if message.role == "tool" and calling.quoted:
                text = _json(text)[1:-1]
            found.append(Slot(f"content of {who}", text, message.role))
        for call in message.tool_calls:
            found.append(Slot(f"name of the call in {who}", call.name, "call", repeats=True))
            found.append(
                Slot(f"arguments of the call in {who}", _arguments(call, who, calling), "call")
            )
    return found


def as_template(messages: Sequence[Message], calling: Calling) -> list[dict[str, Any]]:
    """The dicts that a template reads."""
    return [_as_dict(message, calling) for message in messages]


def probing(messages: Sequence[Message]) -> list[Message]:
    """The same turns with a placeholder in every slot."""
    count = iter(range(10**6))
    probes = []
    for message in messages:
        filled = bool(message.content or not message.tool_calls)
        content = f"ftkitprobe{next(count)}x" if filled else ""
        calls = tuple(
            ToolCall(
                call.id, f"ftkitprobe{next(count)}x", json.dumps({f"ftkitprobe{next(count)}x": 0})
            )
            for call in message.tool_calls
        )
        probes.append(
            Message(message.role, content, tool_calls=calls, tool_call_id=message.tool_call_id)
        )
    return probes


def shape_of(messages: Sequence[Message], calling: Calling) -> tuple[object, ...]:
    """Equal for conversations that have the same skeleton."""
    return tuple(
        (
            message.role,
            bool(message.content or not message.tool_calls),
            tuple(call.id if calling.ids else "" for call in message.tool_calls),
            message.tool_call_id if calling.ids else None,
        )
        for message in messages
    )


def check_skeleton(skeleton: str, slots: Sequence[Slot]) -> None:
    """Raise DataError where a slot is missing, repeated or out of order."""
    seen: list[int] = []
    for found in _PLACEHOLDER.finditer(skeleton):
        index = _index(found)
        if not (index in seen and slots[index].repeats):
            seen.append(index)
    for index, slot in enumerate(slots):
        if index not in seen:
            raise DataError(
                f"the template drops the {slot.what}; take it out, or move its text into another message"
            )
    if seen != list(range(len(slots))):
        raise DataError(
            "the template repeats or reorders messages; ftkit cannot tell what is trained"
        )


def filled(skeleton: str, slots: Sequence[Slot], form: Callable[[Slot], str]) -> str:
    """The text that a faithful template makes of the slots."""
    return _PLACEHOLDER.sub(lambda found: form(slots[_index(found)]), skeleton)


def tail_of(skeleton: str) -> str:
    """What a template writes behind the last slot."""
    return skeleton[max(found.end() for found in _PLACEHOLDER.finditer(skeleton)) :]


def refuse_disorder(messages: Sequence[Message]) -> None:
    """For templates without ids: raise DataError where results do not come in the order of their calls."""
    waiting: list[str] = []
    for number, message in enumerate(messages, start=1):
        if message.role == "tool":
            if not waiting or waiting.pop(0) != message.tool_call_id:
                raise DataError(
                    f"message {number} (tool) answers the call {message.tool_call_id!r} out of turn: the template writes no "
                    "ids of calls, so that results have to follow in the order of the calls"
                )
        else:
            waiting = [call.id for call in message.tool_calls]


def _as_dict(message: Message, calling: Calling) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        wire["content"] = message.content or calling.empty
        wire["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {
                    "name": call.name,
                    "arguments": json.loads(call.arguments) if calling.objects else call.arguments,
                },
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        wire["tool_call_id"] = message.tool_call_id
    return wire


def _arguments(call: ToolCall, who: str, calling: Calling) -> str:
    try:
        value = json.loads(call.arguments, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"the arguments of the call of {call.name} in {who} are not the JSON text of one object: {error}"
        ) from error
    if not isinstance(value, dict) or not _finite(value):
        raise DataError(
            f"the arguments of the call of {call.name} in {who} are not the JSON text of one object"
        )
    return _json(value) if calling.objects else call.arguments


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in it")
    return found


def _finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    if isinstance(value, list):
        return all(map(_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _index(found: re.Match[str]) -> int:
    return int(found.group(1) or found.group(2))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
