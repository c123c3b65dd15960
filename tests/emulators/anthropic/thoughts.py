"""Blocks of thinking that come back: each must be as it was given, and on current models after the same conversation.

A block of another model or account is dropped without a word. The texts of refusals are ours.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from .models import Model
from .prompt import as_blocks, before
from .refusals import invalid

SUMMARY = "The question is read again."


@dataclass(frozen=True, slots=True)
class Thought:
    """A block of thinking that was given away: to whom, by which model, its text, and what stood before it."""

    owner: str
    model: str
    text: str
    before: str


class Thoughts:
    """All of them, by signature."""

    def __init__(self) -> None:
        self._given: dict[str, Thought] = {}

    def give(
        self, owner: str, model: Model, body: dict[str, Any], text: str | None
    ) -> dict[str, Any]:
        """A block of thinking; its text only where the request asks for one."""
        shown = (body.get("thinking") or {}).get("display") or (
            "omitted" if model.bound_thinking else "summarized"
        )
        said = (SUMMARY if text is None else text) if shown == "summarized" else ""
        thought = Thought(owner, model.id, said, before(body, len(body["messages"])))
        mark = f"{thought} {len(self._given)}".encode()
        signature = hashlib.sha256(mark).hexdigest()
        self._given[signature] = thought
        return {"type": "thinking", "thinking": said, "signature": signature}

    def check(self, owner: str, model: Model, body: dict[str, Any]) -> None:
        """Refuse blocks that were changed, or whose conversation was."""
        for at, message in enumerate(body["messages"]):
            for inner, block in enumerate(as_blocks(message["content"])):
                if block["type"] != "thinking":
                    continue
                where = f"messages.{at}.content.{inner}"
                thought = self._given.get(block["signature"])
                if thought is None or thought.text != block["thinking"]:
                    raise invalid(f"{where}: Invalid `signature` in `thinking` block")
                if (thought.owner, thought.model) != (owner, model.id):
                    continue
                if model.bound_thinking and thought.before != before(body, at):
                    raise invalid(
                        f"{where}: the conversation before this `thinking` block has changed"
                    )
