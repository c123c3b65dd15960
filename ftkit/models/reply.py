"""What a model answered, and what it cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ftkit.backend import Answer, Usage
from ftkit.data import ToolCall
from ftkit.models.schemas import parse


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `cost_usd` is None when unknown; `replayed` is True for a row read back from `map(out=)`.

    `schema` is what the answer was asked to fulfil: a JSON schema or a pydantic class, or None.
    """

    text: str
    model: str
    finish_reason: str
    usage: Usage
    cost_usd: Decimal | None = None
    raw: Any = None
    replayed: bool = False
    tool_calls: tuple[ToolCall, ...] = ()
    schema: Any = None

    def __str__(self) -> str:
        return self.text

    @property
    def parsed(self) -> Any:
        """The answer as an object of the pydantic class, or as JSON; None where no schema was asked for.

        Raises ProviderError where the answer does not fulfil the schema, as one that was cut at max_tokens does not.
        """
        return None if self.schema is None else parse(self.text, self.schema, self.finish_reason)


class Stream:
    """Pieces of one answer as they come; `reply` is there once the stream has ended."""

    def __init__(self, pieces: Iterator[str | Answer], as_reply: Callable[[Answer], Reply]) -> None:
        self._pieces = pieces
        self._as_reply = as_reply
        self.reply: Reply | None = None

    def __iter__(self) -> Iterator[str]:
        for piece in self._pieces:
            if isinstance(piece, str):
                yield piece
            else:
                self.reply = self._as_reply(piece)


def as_reply(answer: Answer, model: str, cost_usd: Decimal | None, schema: Any = None) -> Reply:
    """A backend's answer as the user sees it."""
    return Reply(
        text=answer.text,
        model=model,
        finish_reason=answer.finish_reason,
        usage=answer.usage,
        cost_usd=cost_usd,
        raw=answer.raw,
        tool_calls=answer.tool_calls,
        schema=schema,
    )
