"""The emulator's own count of tokens: the words of what is said, as whitespace parts them, and 1 for each turn.

A picture counts 258, as a tile does. System instruction and tools are counted in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

PER_TURN = 1
PER_PICTURE = 258


def words(text: str) -> int:
    """How many words."""
    return len(text.split())


def content_tokens(content: Any) -> int:
    """Tokens of one turn."""
    if not isinstance(content, dict):
        return 0
    parts = content.get("parts")
    return (
        PER_TURN + sum(part_tokens(part) for part in parts if isinstance(part, dict))
        if (isinstance(parts, list))
        else 0
    )


def part_tokens(part: dict[str, Any]) -> int:
    """Tokens of one part."""
    if isinstance(part.get("text"), str):
        return words(part["text"])
    if "inlineData" in part or "fileData" in part:
        return PER_PICTURE
    return sum(
        words(json.dumps(part[name]))
        for name in ("functionCall", "functionResponse")
        if name in part
    )


def conversation_tokens(contents: Iterable[Any], system: Any = None, tools: Any = None) -> int:
    """Tokens of a whole prompt."""
    total = sum(content_tokens(content) for content in contents) + content_tokens(system)
    return total + (words(json.dumps(tools)) if tools else 0)


def messages_tokens(messages: Iterable[Any]) -> int:
    """Tokens of a conversation in the form that open models are tuned with."""
    return sum(
        PER_TURN + words(str(message.get("content") or ""))
        for message in messages
        if isinstance(message, dict)
    )
