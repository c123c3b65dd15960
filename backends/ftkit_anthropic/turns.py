"""A conversation as Anthropic has it: the system prompt apart, results of tools in the user's turn, all in blocks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ftkit.data.example import Image, Message, ToolCall
from ftkit.errors import CapabilityError, DataError

_DATA_URL = re.compile(r"data:(image/[a-z+.-]+);base64,(.+)", re.DOTALL | re.IGNORECASE)
Block = dict[str, Any]


def system_blocks(messages: Sequence[Message]) -> list[Block]:
    """The system messages that the conversation begins with."""
    return [_text(turn.content) for turn in _leading(messages) if turn.content.strip()]


def turn_blocks(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """All other messages; those of one speaker in a row are one turn, results of tools at its beginning."""
    turns: list[dict[str, Any]] = []
    for message in messages[len(_leading(messages)) :]:
        if message.name is not None:
            raise CapabilityError(
                "anthropic cannot do 'name' of a message: its API has no such field; leave it out"
            )
        if message.role == "system":
            raise CapabilityError(
                "anthropic takes a system message in front of the conversation only, and one stands behind a turn"
            )
        role = "assistant" if message.role == "assistant" else "user"
        blocks = list(_blocks(message))
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    return turns


def tool(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A function without the shell around it."""
    function = definition["function"]
    made = {
        "name": function["name"],
        "description": function.get("description"),
        "input_schema": function.get("parameters") or {"type": "object", "properties": {}},
        "strict": function.get("strict"),
    }
    return {name: value for name, value in made.items() if value is not None}


def _leading(messages: Sequence[Message]) -> list[Message]:
    found: list[Message] = []
    for message in messages:
        if message.role != "system":
            break
        found.append(message)
    return found


def _blocks(message: Message) -> Iterator[Block]:
    if message.role == "tool":
        yield {
            "type": "tool_result",
            "tool_use_id": message.tool_call_id or "",
            "content": message.content,
        }
        return
    for part in message.parts or (message.content,):
        if isinstance(part, Image):
            yield _image(part)
        elif part.strip():  # a block of nothing is refused there
            yield _text(part)
    yield from map(_call, message.tool_calls)


def _text(text: str) -> Block:
    return {"type": "text", "text": text}


def _image(image: Image) -> Block:
    held = _DATA_URL.fullmatch(image.url)
    if held is None:
        return {"type": "image", "source": {"type": "url", "url": image.url}}
    kind = held[1].lower().replace("image/jpg", "image/jpeg")
    return {
        "type": "image",
        "source": {"type": "base64", "media_type": kind, "data": held[2].strip()},
    }


def _call(call: ToolCall) -> Block:
    try:
        given = json.loads(call.arguments or "{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise DataError(
            f"the arguments of the call of {call.name!r} are no JSON object, and Anthropic takes nothing else"
        )
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": given}
