"""What answering works with: the frozen record of a model, one call, its answer and its usage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ftkit.data.example import Message, ToolCall


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """What is frozen when a model is trained, and all that is needed to answer with it.

    `native` is the provider's id (a base, or the result of a job); `adapter` is a folder for models whose weights are at
    hand. `system` is the one system prompt of the training rows; `tuned` is False for a plain base; `continues` is the
    native id of the tuned model that training went on from.
    """

    instance: str
    native: str
    base: str
    tuned: bool = False
    adapter: str | None = None
    system: str | None = None
    template: str | None = None
    family: str = ""
    snapshot: str = ""
    method: str | None = None
    job: str | None = None
    data_sha256: str | None = None
    rows: int | None = None
    validation_sha256: str | None = None
    continues: str | None = None

    @property
    def id(self) -> str:
        """`instance/native`."""
        return f"{self.instance}/{self.native}"


@dataclass(frozen=True, slots=True)
class Call:
    """One question. Temperature 0 is greedy; `max_tokens` bounds the answer; times in seconds.

    `tools` are functions that may be called, `schema` is the JSON schema that the answer must fulfil.
    """

    messages: tuple[Message, ...]
    max_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int | None = None
    timeout_s: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    tools: tuple[Mapping[str, Any], ...] = ()
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call.

    `input_tokens` is all that was read. Of them `cached_input_tokens` came out of the provider's cache of prompts, and
    `cache_write_input_tokens` were put into it, `long_cache_write_input_tokens` of those for longer than is usual.
    """

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = 0
    cache_write_input_tokens: int = 0
    long_cache_write_input_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `finish_reason` is stop, length, timeout, tool_calls or what else the provider says.

    `lost` counts the replies to the same question that did not arrive, and that may have been billed like this one.
    """

    text: str
    finish_reason: str
    usage: Usage
    raw: Any = None
    tool_calls: tuple[ToolCall, ...] = ()
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Score:
    """Log-likelihood of a given answer: `nll` in nats, summed over `tokens` trained tokens."""

    nll: float
    tokens: int


@dataclass(frozen=True, slots=True)
class CallRates:
    """The catalogue's rates of an answer, per million tokens of input and of output.

    Where no price of cached input is known (`cached` None) it counts as any other input, so that a cost is never too low.
    What is written into a cache costs more than other input: without its rate the cost of such an answer is not known.
    `longer` are the rates of a whole call that reads more than so many tokens.
    """

    input: str
    output: str
    cached: str | None = None
    cache_write: str | None = None
    long_cache_write: str | None = None
    longer: tuple[int, CallRates] | None = None
