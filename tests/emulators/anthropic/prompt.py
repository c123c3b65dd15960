"""A request's prompt as the cache sees it: blocks in the order tools, system, messages, each with its own mark.

Two prompts share a prefix where the digests of their blocks are the same; marks are not part of it, a text alone is one
block. What a request asks beside its prompt (tool_choice, thinking, effort, format) parts messages, not tools or system.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .models import Model
from .tokens import PER_MESSAGE, block_tokens, tool_tokens

UNMARKABLE = ("thinking", "redacted_thinking")


@dataclass(slots=True)
class Block:
    """A block: where it lies ("messages.0.content.1"), its tokens, the digest of all up to it, and the life it is
    marked with ("5m", "1h" or None).
    """

    where: str
    tokens: int
    digest: str
    ttl: str | None
    markable: bool


def blocks(body: dict[str, Any], model: Model) -> list[Block]:
    """All blocks of a body whose types are right, with its explicit marks."""
    found: list[Block] = []
    state = hashlib.sha256(model.id.encode())

    def add(where: str, tokens: int, what: Any, block: dict[str, Any]) -> None:
        state.update(canonical(what))
        mark = block.get("cache_control")
        ttl = (mark.get("ttl") or "5m") if mark else None
        markable = block.get("type") not in UNMARKABLE
        found.append(Block(where, tokens, state.hexdigest(), ttl, markable))

    for at, tool in enumerate(body.get("tools") or ()):
        add(f"tools.{at}", tool_tokens(tool), ["tool", tool], tool)
    for at, block in enumerate(as_blocks(body.get("system") or ())):
        add(f"system.{at}", block_tokens(block), ["system", block], block)
    config = {"effort": model.effort, **(body.get("output_config") or {})}
    thinking = body.get("thinking") or {"type": model.thinking[0]}
    state.update(canonical([body.get("tool_choice"), thinking, config]))
    for at, message in enumerate(body["messages"]):
        for inner, block in enumerate(as_blocks(message["content"])):
            more = 0 if inner else PER_MESSAGE
            what = [message["role"], block]
            add(f"messages.{at}.content.{inner}", block_tokens(block) + more, what, block)
    return found


def before(body: dict[str, Any], place: int) -> str:
    """The digest of all that a client sent before its message of this place."""
    sent = [body.get("tools") or [], as_blocks(body.get("system") or ())]
    turns = [[one["role"], as_blocks(one["content"])] for one in body["messages"][:place]]
    return hashlib.sha256(canonical([sent, turns])).hexdigest()


def as_blocks(content: Any) -> Sequence[dict[str, Any]]:
    """Content as a list of blocks; a text is one."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def canonical(what: Any) -> bytes:
    """Bytes that are the same where only marks differ; the order of an object's keys counts, as on the service."""
    return json.dumps(_unmarked(what)).encode()


def _unmarked(what: Any) -> Any:
    if isinstance(what, dict):
        return {key: _unmarked(one) for key, one in what.items() if key != "cache_control"}
    if isinstance(what, (list, tuple)):
        return [_unmarked(one) for one in what]
    return what
