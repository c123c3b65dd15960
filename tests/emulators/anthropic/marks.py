"""The rules of cache marks: at most four, the longer life first, and where the automatic one lands."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from .prompt import Block
from .refusals import invalid

MOST = 4


def mark(prompt: Sequence[Block], body: dict[str, Any]) -> None:
    """Set the automatic mark of a body and refuse marks that break a rule."""
    if automatic := body.get("cache_control"):
        _mark_last(prompt, automatic.get("ttl") or "5m")
    marked = [block for block in prompt if block.ttl]
    if len(marked) > MOST:
        raise invalid(
            f"A maximum of {MOST} blocks with cache_control may be provided. Found {len(marked)}."
        )
    for earlier, later in pairwise(marked):
        if (earlier.ttl, later.ttl) == ("5m", "1h"):
            raise invalid(
                f"{later.where}.cache_control.ttl: a ttl='1h' cache_control block must not come "
                "after a ttl='5m' cache_control block. Note that blocks are processed in the "
                "following order: `tools`, `system`, `messages`."
            )


def _mark_last(prompt: Sequence[Block], ttl: str) -> None:
    last = next((block for block in reversed(prompt) if block.markable), None)
    if last is None:
        return
    if last.ttl is not None and last.ttl != ttl:
        raise invalid(
            f"Top-level cache_control has ttl='{ttl}' but the target block already has "
            f"cache_control with ttl='{last.ttl}'"
        )
    last.ttl = ttl
