"""Which parts of a request are marked for Anthropic's cache of prompts: what the next question is likely to begin with too.

Tools and system prompt are the same for all questions of one kind, and so are examples or the conversation so far. What
is too short Anthropic passes over without a word, so a mark there does no harm; one costs a quarter more where nothing
is asked again within the cache's life.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_BYTES_PER_TOKEN = (
    2  # hardly a text has fewer: what is shorter than that many cannot be long enough
)


def mark(asked: dict[str, Any], life: str, cached_from: int) -> None:
    """Put at most two marks into a request; one that the caller has put there himself leaves it as it is."""
    if life == "off" or "cache_control" in json.dumps(asked, default=str):
        return
    control = {"type": "ephemeral"} if life == "5m" else {"type": "ephemeral", "ttl": life}
    least = cached_from * _BYTES_PER_TOKEN
    front = _size(asked.get("tools")) + _size(asked.get("system"))
    before = asked["messages"][:-1]
    if front >= least:
        _put(asked.get("system") or asked["tools"], control)
    if before and front + _size(before) >= least:
        _put(before[-1].get("content"), control)


def _put(blocks: Any, control: Mapping[str, str]) -> None:
    """On the last block; texts that came through `extra` as they are have none."""
    if isinstance(blocks, list) and blocks and isinstance(blocks[-1], dict):
        blocks[-1]["cache_control"] = dict(control)


def _size(value: Any) -> int:
    """Bytes of the texts in it."""
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, Mapping):
        return sum(_size(one) for name, one in value.items() if name != "source")
    return sum(map(_size, value)) if isinstance(value, list) else 0
