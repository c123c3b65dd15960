"""A message as the events of a stream: texts by words, arguments of tools in parts, thinking with its signature."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .refusals import refusal


def events(message: dict[str, Any], breaks: dict[str, Any] | None) -> list[dict[str, Any]]:
    """All of them; `breaks` {"after": how many come, "code": of the error that follows them} ends it early."""
    found = list(_all(message))
    if breaks is None:
        return found
    error = {"type": "error", "error": refusal(breaks["code"]).error(), "request_id": None}
    return [*found[: breaks["after"]], error]


def _all(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    usage = message["usage"]
    begun = {
        **message,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "usage": {**usage, "output_tokens": min(1, usage["output_tokens"])},
    }
    begun["usage"].pop("output_tokens_details", None)
    yield {"type": "message_start", "message": begun}
    yield {"type": "ping"}
    for index, block in enumerate(message["content"]):
        yield {
            "type": "content_block_start",
            "index": index,
            "content_block": {**block, **_empty(block)},
        }
        for delta in _deltas(block):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {
        "type": "message_delta",
        "delta": {
            "stop_reason": message["stop_reason"],
            "stop_sequence": message["stop_sequence"],
            "stop_details": message["stop_details"],
        },
        "usage": {
            name: usage[name]
            for name in (
                "input_tokens",
                "cache_creation_input_tokens",
                "cache_read_input_tokens",
                "output_tokens",
                "output_tokens_details",
            )
        },
    }
    yield {"type": "message_stop"}


def _empty(block: dict[str, Any]) -> dict[str, Any]:
    """What a block begins as."""
    empty: dict[str, dict[str, Any]] = {
        "text": {"text": ""},
        "tool_use": {"input": {}},
        "thinking": {"thinking": "", "signature": ""},
    }
    return empty[block["type"]]


def _deltas(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if block["type"] == "text":
        for word in words(block["text"]):
            yield {"type": "text_delta", "text": word}
    elif block["type"] == "tool_use":
        arguments = json.dumps(block["input"])
        half = len(arguments) // 2
        for part in ("", arguments[:half], arguments[half:]):
            yield {"type": "input_json_delta", "partial_json": part}
    else:
        if block["thinking"]:
            yield {"type": "thinking_delta", "thinking": block["thinking"]}
        yield {"type": "signature_delta", "signature": block["signature"]}


def words(text: str) -> list[str]:
    """The text in words, each with the space before it; joined they are the text."""
    found: list[str] = []
    for letter in text:
        if letter == " " or not found:
            found.append(letter)
        else:
            found[-1] += letter
    return found
