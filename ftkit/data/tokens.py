"""What a tokenizer with its chat template can tell the core: ids, which of them are trained, and how many.

The core never loads a tokenizer; a backend hands one in as a `Renderer`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from ftkit.data.example import Message

IGNORED = -100  # the label of a token that is read but not learned, as in PyTorch's cross-entropy


@dataclass(frozen=True, slots=True)
class Rendered:
    """One training sequence: `ids[i]` is learned where `labels[i] == ids[i]`, only read where it is IGNORED."""

    ids: tuple[int, ...]
    labels: tuple[int, ...]

    @property
    def trained(self) -> int:
        """How many tokens carry a label."""
        return sum(label != IGNORED for label in self.labels)


class Renderer(Protocol):
    """Messages to token ids, the same for training, checks, counting and answering."""

    @property
    def fingerprint(self) -> str:
        """Changes when the tokenizer, its template or the way it is used changes."""

    @property
    def max_length(self) -> int | None:
        """Tokens the model was made for, prompt and answer together; None where unknown."""

    @property
    def control_tokens(self) -> frozenset[str]:
        """Texts that the tokenizer turns into control tokens, such as <|im_end|>."""

    def render(
        self, messages: Sequence[Message], train_on: str = "assistant"
    ) -> tuple[Rendered, ...]:
        """Training sequences of one conversation: one, or one a turn where the template rewrites earlier turns."""

    def prompt(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """The ids that a model is given to answer these messages."""

    def decode(self, ids: Sequence[int]) -> str:
        """Text of the ids, control tokens included."""

    def tokens(self, rendered: Rendered) -> list[tuple[str, bool]]:
        """The sequence as pieces of text, each with whether it is trained; joined they are its decoded text."""


@runtime_checkable
class CountsTools(Protocol):
    """A renderer that knows how many tokens the schemas of tools take; one that does not is never given rows with tools."""

    def tool_tokens(self, tools: Sequence[Mapping[str, Any]]) -> int:
        """Tokens of the tools of one row."""


@runtime_checkable
class CountsTurns(Protocol):
    """A renderer whose turns take the same tokens wherever they stand, so that the second answer of a pair has its own."""

    def turn_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of these turns by themselves, their heads and ends included."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Tokens of a data set under one renderer.

    `lengths` has one entry a training sequence, or a preference pair: its prompt once, and both answers.
    """

    rows: int
    tokens: int
    trained_tokens: int
    lengths: tuple[int, ...]

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence."""
        return max(self.lengths, default=0)
