"""What a training row is billed for, by the emulator's own rules: the cookbook's, for names and tools as well.

OpenAI has published none for tools in training. Those of the cookbook are for questions: 7 a function, 3 for having
properties and 3 for each, an enum 3 less and 3 more for each of its values, 12 at the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .pictures import picture_tokens
from .tokens import PER_MESSAGE, Count

PER_CALL = 3


def row_tokens(messages: Iterable[Any], tools: Any, count: Count) -> int:
    """Tokens of the messages and of the tools of a row."""
    return sum(_message(message, count) for message in messages) + _tools(tools or [], count)


def _message(message: dict[str, Any], count: Count) -> int:
    total = PER_MESSAGE + count(message["role"])
    content = message.get("content")
    for part in content if isinstance(content, list) else [content or ""]:
        if isinstance(part, str):
            total += count(part)
        elif part["type"] == "image_url":
            total += picture_tokens(part["image_url"])
        else:
            total += count(part["text"])
    if name := message.get("name"):
        total += 1 + count(name)
    if answered := message.get("tool_call_id"):
        total += count(answered)
    for call in message.get("tool_calls") or ():
        function = call["function"]
        total += PER_CALL + count(function["name"]) + count(function["arguments"])
    return total


def _tools(tools: list[Any], count: Count) -> int:
    total = 12 if tools else 0
    for tool in tools:
        function = tool["function"]
        total += 7 + count(f"{function['name']}:{function.get('description', '').rstrip('.')}")
        properties = (function.get("parameters") or {}).get("properties") or {}
        total += 3 if properties else 0
        for key, told in properties.items():
            total += 3 + count(
                f"{key}:{told.get('type', '')}:{told.get('description', '').rstrip('.')}"
            )
            if "enum" in told:
                total += -3 + sum(3 + count(str(value)) for value in told["enum"])
    return total
