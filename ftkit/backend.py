"""The contract of a backend: a frozen record of up to five parts, each a Protocol.

A part that is missing is None; a method or option that is missing is named in `lacks` with a reason, and the core
refuses it by name. The core never asks *which* backend it has: what differs is data or a method.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel

from ftkit.catalogue.schema import Catalogue
from ftkit.data.example import Message
from ftkit.data.tokens import Counts, Renderer
from ftkit.errors import CapabilityError
from ftkit.hyperparameters import Hyperparameters, Method


class JobStatus(StrEnum):
    """A provider's view of a job; anything unknown is OTHER and not final."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    OTHER = "other"

    @property
    def final(self) -> bool:
        """True where nothing will change any more."""
        return self in (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)


# --- what training works with ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Base:
    """A model to start from. `id` is the native id as given; `snapshot` pins its exact content."""

    id: str
    snapshot: str
    family: str
    max_length: int | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run on own hardware will need: bytes, seconds, parameters; `device` in words."""

    device: str
    parameters: int
    trainable_parameters: int
    memory_needed: int
    memory_free: int
    seconds: float
    remedies: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """True where the memory needed is there."""
        return self.memory_needed <= self.memory_free


@dataclass(frozen=True, slots=True)
class Resolved:
    """A run with nothing left to decide: no field of `hyperparameters` that applies is None."""

    base: Base
    method: Method
    hyperparameters: Hyperparameters
    steps: int
    counts: Counts
    forecast: Forecast | None = None


@dataclass(frozen=True, slots=True)
class Quantity:
    """A line of a bill without money: the core multiplies by the dated rate named `rate_key`.

    `paid` is False for what nobody sends a bill for, such as hours of one's own machine.
    """

    label: str
    amount: Decimal
    unit: str
    rate_key: str
    paid: bool = True


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """Everything a job is made from; files are encoded rows, already on disk."""

    key: str
    base: Base
    method: Method
    hyperparameters: Hyperparameters
    steps: int
    train_file: Path
    validation_file: Path | None
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Remote:
    """A job as the provider knows it. `model` is the native id of the result, once there is one."""

    id: str
    status: JobStatus
    raw_status: str
    model: str | None = None
    error: str | None = None
    progress: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a job. `id` grows; `at` is ISO time; `data` has numbers of a step."""

    id: int
    at: str
    type: str
    message: str
    data: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.at[:19]} {self.message}"


# --- what answering works with -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """What is frozen when a model is trained, and all that is needed to answer with it.

    `native` is the provider's id (a base, or the result of a job); `adapter` is a folder for models whose weights are at
    hand. `system` is the one system prompt of the training rows; `tuned` is False for a plain base.
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

    @property
    def id(self) -> str:
        """`instance/native`."""
        return f"{self.instance}/{self.native}"


@dataclass(frozen=True, slots=True)
class Call:
    """One question. Temperature 0 is greedy; `max_tokens` bounds the answer; times in seconds."""

    messages: tuple[Message, ...]
    max_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int | None = None
    timeout_s: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call."""

    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `finish_reason` is stop, length or timeout."""

    text: str
    finish_reason: str
    usage: Usage
    raw: Any = None


@dataclass(frozen=True, slots=True)
class Score:
    """Log-likelihood of a given answer: `nll` in nats, summed over `tokens` trained tokens."""

    nll: float
    tokens: int


# --- the parts ---------------------------------------------------------------------------------------------------


class Pricing(Protocol):
    """What a run consists of, before anything is sent. Needs no key and no SDK."""

    def resolve(
        self, base: Base, method: Method, hyperparameters: Hyperparameters, counts: Counts
    ) -> Resolved:
        """Decide every open setting; raises CapabilityError naming a field that cannot be honoured."""

    def bill(self, resolved: Resolved) -> Sequence[Quantity]:
        """The quantities that the provider charges for."""


class Training(Protocol):
    """Jobs. Plain synchronous calls without threads, retries, clock or ledger of their own.

    `wire` names the row format; `listing_lag_s` is how long a new job may stay invisible to `find`; where
    `idempotent_create` is True a repeated `submit` with the same key never makes a second job.
    """

    wire: str
    listing_lag_s: float
    idempotent_create: bool

    def base(self, native: str) -> Base:
        """The model named by a native id; raises NotFound with where to get it."""

    def renderer(self, base: Base) -> Renderer | None:
        """The model's tokenizer and template, or None where the provider keeps them."""

    def encode(self, messages: Sequence[Message]) -> bytes:
        """One row of the wire file, without the line end."""

    def submit(self, request: TrainRequest) -> Remote:
        """Start the job; a typed error means that nothing was started."""

    def find(self, key: str) -> list[Remote]:
        """Every job that carries this key, oldest first."""

    def get(self, id: str) -> Remote:
        """The job's present state; raises NotFound."""

    def events(self, id: str, after: int) -> Iterator[Event]:
        """Events with an id above `after`, in order."""

    def cancel(self, id: str) -> None:
        """Ask the job to stop; returns at once."""

    def result(self, id: str) -> ModelRecord:
        """The trained model; raises TrainingError where there is none."""


class Inference(Protocol):
    """Answers. Native async twins; a stream yields pieces of text and ends with the Answer."""

    def record(self, native: str) -> ModelRecord:
        """The record of a base or of a tuned model by its native id; raises NotFound."""

    def chat(self, record: ModelRecord, call: Call) -> Answer:
        """One answer."""

    def stream(self, record: ModelRecord, call: Call) -> Iterator[str | Answer]:
        """The same answer in pieces."""

    async def achat(self, record: ModelRecord, call: Call) -> Answer:
        """`chat` without blocking the event loop."""

    def astream(self, record: ModelRecord, call: Call) -> AsyncIterator[str | Answer]:
        """`stream` without blocking the event loop."""

    def chat_many(self, record: ModelRecord, calls: Sequence[Call]) -> Iterator[tuple[int, Answer]]:
        """Many answers as they are ready, each with the index of its call."""

    def score(
        self, record: ModelRecord, conversations: Sequence[Sequence[Message]]
    ) -> Iterator[tuple[int, Score]]:
        """How likely the model finds the last answer of each conversation."""

    def install(self, record: ModelRecord, folder: Path) -> ModelRecord:
        """Copy the weights that are at hand into `folder`; the returned record points there."""


@dataclass(frozen=True, slots=True)
class Backend:
    """One provider, as its folder declares it."""

    name: str
    settings: BaseModel
    catalogue: Catalogue
    pricing: Pricing | None = None
    training: Training | None = None
    inference: Inference | None = None
    lacks: Mapping[str, str] = field(default_factory=dict)

    def refuse(self, what: str) -> CapabilityError:
        """The error for something that this backend declares it lacks."""
        reason = self.lacks.get(what, "this backend does not have it")
        return CapabilityError(f"{self.name} cannot do {what!r}: {reason}")


@dataclass(frozen=True, slots=True)
class Plugin:
    """What an entry point of the group `ftkit.backends` names.

    `settings` is the pydantic type of an instance's section in the configuration; `open` makes the backend from checked
    settings and FTKIT_HOME, without touching the network.
    """

    name: str
    settings: type[BaseModel]
    open: Callable[[Any, Path], Backend]
