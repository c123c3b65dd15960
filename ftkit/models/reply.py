"""What a model answered, and what it cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ftkit.backend import Answer, Usage


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `cost_usd` is None when unknown; `replayed` is True for a row read back from `map(out=)`."""

    text: str
    model: str
    finish_reason: str
    usage: Usage
    cost_usd: Decimal | None = None
    raw: Any = None
    replayed: bool = False

    def __str__(self) -> str:
        return self.text


class Stream:
    """Pieces of one answer as they come; `reply` is there once the stream has ended."""

    def __init__(
        self,
        pieces: Iterator[str | Answer],
        model: str,
        cost: Callable[[Usage], Decimal | None],
    ) -> None:
        self._pieces = pieces
        self._model = model
        self._cost = cost
        self.reply: Reply | None = None

    def __iter__(self) -> Iterator[str]:
        for piece in self._pieces:
            if isinstance(piece, str):
                yield piece
            else:
                self.reply = as_reply(piece, self._model, self._cost(piece.usage))


def as_reply(answer: Answer, model: str, cost_usd: Decimal | None) -> Reply:
    """A backend's answer as the user sees it."""
    return Reply(
        text=answer.text,
        model=model,
        finish_reason=answer.finish_reason,
        usage=answer.usage,
        cost_usd=cost_usd,
        raw=answer.raw,
    )
