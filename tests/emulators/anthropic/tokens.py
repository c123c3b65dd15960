"""The emulator's own count of tokens: words, and a picture by its size.

A message costs 3 beside its content, a tool the words of its definition. A picture costs a token for 750 of its pixels,
at most 1,600, and 1,000 where its size cannot be seen; the service's own rule differs by model.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

PER_MESSAGE = 3
UNSEEN_PICTURE = 1000
LARGEST_PICTURE = 1600
PIXELS_A_TOKEN = 750


def words(text: str) -> int:
    """How many words, as whitespace parts them."""
    return len(text.split())


def block_tokens(block: dict[str, Any]) -> int:
    """Tokens of one block of content."""
    kind = block.get("type")
    if kind == "text":
        return words(str(block["text"]))
    if kind == "image":
        return _picture(block["source"])
    if kind == "tool_use":
        return words(str(block["name"])) + words(json.dumps(block["input"]))
    if kind == "tool_result":
        content = block.get("content") or ""
        if isinstance(content, str):
            return 1 + words(content)
        return 1 + sum(block_tokens(one) for one in content)
    if kind == "thinking":
        return words(str(block["thinking"]))
    if kind == "document" and block["source"].get("type") == "text":
        return words(str(block["source"]["data"]))
    return words(json.dumps(block))


def tool_tokens(tool: dict[str, Any]) -> int:
    """Tokens of a tool's definition."""
    return words(json.dumps({key: tool[key] for key in sorted(tool) if key != "cache_control"}))


def _picture(source: dict[str, Any]) -> int:
    if source.get("type") != "base64":
        return UNSEEN_PICTURE
    try:
        data = base64.b64decode(str(source["data"]), validate=True)
    except (ValueError, binascii.Error):
        return UNSEEN_PICTURE
    if not data.startswith(b"\x89PNG") or len(data) < 24:
        return UNSEEN_PICTURE
    wide, high = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    return min(LARGEST_PICTURE, -(-wide * high // PIXELS_A_TOKEN))
