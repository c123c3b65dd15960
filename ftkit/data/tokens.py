"""What a tokenizer with its chat template can tell the core: ids, which of them are trained, and how many.

The core never loads a tokenizer; a backend hands one in as a `Renderer`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol, runtime_checkable

from ftkit.data.example import Example, Message
from ftkit.errors import DataError

_NAMED = 10  # row numbers kept in a caution
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
class RendersRows(Protocol):
    """A renderer whose template has a place for all of a row: the tools of a row are among its ids."""

    def render_row(self, example: Example, train_on: str = "assistant") -> tuple[Rendered, ...]:
        """`render` of a row's messages with its tools; raises DataError for anything in it that has no place in the ids."""

    def prompt_row(self, example: Example) -> tuple[int, ...]:
        """The ids that the row's last answer is asked with, its tools included."""


@runtime_checkable
class DeclaresTurns(Protocol):
    """A renderer that says what its template does to an answer once its turn is over."""

    @property
    def earlier_turns(self) -> str:
        """ "kept": answers of a conversation are one sequence; "rewritten": each is a sequence of its own."""


@runtime_checkable
class CountsTools(Protocol):
    """A renderer that knows how many tokens the schemas of tools take; one that does not is never given rows with tools."""

    def tool_tokens(self, example: Example) -> int:
        """Tokens that a row has for its tools, beside those of its turns; 0 where it has nothing to do with tools."""


@runtime_checkable
class CountsTurns(Protocol):
    """A renderer whose turns take the same tokens wherever they stand, so that the second answer of a pair has its own."""

    def turn_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of these turns by themselves, their heads and ends included."""


@runtime_checkable
class Cautious(Protocol):
    """A renderer that says where its count is the most that it can be, and what else the provider will only tell later."""

    def cautions(self, example: Example) -> tuple[str, ...]:
        """A sentence for each thing that is not certain about this row; the same words for the same thing."""


@dataclass(frozen=True, slots=True)
class Caution:
    """What is not certain beforehand about `count` rows, the first of which are `rows` (1-based numbers)."""

    text: str
    rows: tuple[int, ...]
    count: int

    def __str__(self) -> str:
        more = self.count - len(self.rows)
        word = "row" if self.count == 1 else "rows"
        shown = ", ".join(map(str, self.rows)) + (f" and {more:,} more" if more else "")
        return f"{word} {shown}: {self.text}"


@dataclass(frozen=True, slots=True)
class RowTokens:
    """Tokens of one row over all of its sequences, its tools included, and how many of them are learned."""

    row: int
    tokens: int
    trained_tokens: int


@dataclass(frozen=True, slots=True)
class Estimated:
    """For counts without a tokenizer: what is expected, and how far off such a count was on texts that were counted.

    `mean_error` and `worst_error` are shares of the true number, of the mean and of the worst of the sets `measured_on`.
    """

    tokens: int
    mean_error: float
    worst_error: float
    measured_on: str
    as_of: date

    def __str__(self) -> str:
        return (
            f"estimate without a tokenizer: {self.tokens:,} tokens, +-{self.mean_error:.0%} on average and at worst "
            f"+-{self.worst_error:.0%}, measured on {self.measured_on} on {self.as_of}"
        )


@dataclass(frozen=True, slots=True)
class Counts:
    """Tokens of a data set under one renderer.

    `lengths` has one entry a training sequence, or a preference pair: its prompt once, and both answers. With `cautions`
    or `estimated` the tokens are the most that the provider should count; without, they are what it counts. `by_row` is
    empty where nobody counted by rows; `pairs` are the tokens of both conversations of each preference pair.
    """

    rows: int
    tokens: int
    trained_tokens: int
    lengths: tuple[int, ...]
    cautions: tuple[Caution, ...] = ()
    estimated: Estimated | None = None
    by_row: tuple[RowTokens, ...] = ()
    pairs: tuple[tuple[int, int], ...] = ()

    @property
    def expected_share(self) -> float:
        """What of the tokens is expected: 1 but for an estimate, whose tokens are the most that there should be."""
        return self.estimated.tokens / self.tokens if self.estimated and self.tokens else 1.0

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence."""
        return max(self.lengths, default=0)


def cautions_of(example: Example, renderer: Renderer) -> tuple[str, ...]:
    """What is not certain about a row; nothing, where the renderer is sure."""
    return renderer.cautions(example) if isinstance(renderer, Cautious) else ()


def collected(found: Iterable[tuple[int, Sequence[str]]]) -> tuple[Caution, ...]:
    """One Caution a sentence, of pairs (row number, sentences), in the order in which they came up first."""
    rows: dict[str, list[int]] = {}
    for number, sentences in found:
        for text in sentences:
            rows.setdefault(text, []).append(number)
    return tuple(Caution(text, tuple(on[:_NAMED]), len(on)) for text, on in rows.items())


def rendered(
    example: Example, renderer: Renderer, train_on: str = "assistant"
) -> tuple[Rendered, ...]:
    """A row's training sequences, with its tools where the renderer has a place for them (see `tools_of`)."""
    if isinstance(renderer, RendersRows):
        return renderer.render_row(example, train_on)
    return renderer.render(example.messages, train_on)


def prompt_of(example: Example, renderer: Renderer) -> tuple[int, ...]:
    """The ids that a row's last answer is asked with, with its tools where the renderer has a place for them."""
    if isinstance(renderer, RendersRows):
        return renderer.prompt_row(example)
    return renderer.prompt(example.prompt)


def tools_of(example: Example, renderer: Renderer) -> int:
    """Tokens that a row has for its tools beside those that are rendered; DataError where they cannot be counted."""
    if isinstance(renderer, RendersRows):
        return 0
    if isinstance(renderer, CountsTools):
        return renderer.tool_tokens(example)
    if example.tools:
        raise DataError("the tokens of its tools cannot be counted")
    return 0
