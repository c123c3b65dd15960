"""One training example as ftkit sees it, whatever file it came from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. `role` is system, user or assistant; `content` is text."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Example:
    """A conversation that ends in the answer to learn; `fields` are the row's other columns, never trained on."""

    messages: tuple[Message, ...]
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def prompt(self) -> tuple[Message, ...]:
        """Everything before the last assistant turn."""
        return self.messages[: self._last_answer()]

    @property
    def answer(self) -> str:
        """The last assistant turn, or "" where there is none."""
        index = self._last_answer()
        return self.messages[index].content if index < len(self.messages) else ""

    @property
    def system(self) -> str | None:
        """The system message, if the row starts with one."""
        first = self.messages[0] if self.messages else None
        return first.content if first is not None and first.role == "system" else None

    def _last_answer(self) -> int:
        for index in range(len(self.messages) - 1, -1, -1):
            if self.messages[index].role == "assistant":
                return index
        return len(self.messages)


def as_dicts(messages: Sequence[Message]) -> list[dict[str, str]]:
    """The wire shape that chat APIs and chat templates read."""
    return [{"role": message.role, "content": message.content} for message in messages]


def digest(messages: Sequence[Message]) -> str:
    """SHA-256 of a conversation, equal for equal roles and contents."""
    text = json.dumps([[m.role, m.content] for m in messages], ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
