"""Batches: many calls sent as one file and answered together some time later, for less than one by one.

The calls of a batch bear the index of their question; a provider may answer in any order, and not all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol, runtime_checkable

from ftkit.backend.answers import Answer, Call, CallRates, ModelRecord, Usage
from ftkit.backend.jobs import Upload


class BatchStatus(StrEnum):
    """A provider's view of a batch; anything unknown is OTHER and not final. All that have ended may hold answers."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    OTHER = "other"

    @property
    def final(self) -> bool:
        """True where nothing will change any more."""
        return self not in (BatchStatus.QUEUED, BatchStatus.RUNNING, BatchStatus.OTHER)


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What a provider takes in one batch: requests, bytes of the file; `source` says who says so."""

    requests: int
    bytes: int
    source: str


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """Everything a batch is made from; its file is at the provider already."""

    key: str
    record: ModelRecord
    file: Upload
    rows: int


@dataclass(frozen=True, slots=True)
class RemoteBatch:
    """A batch as the provider knows it: how many of its `total` requests are `done`, and how many have `failed`.

    `key` is our key, where the provider tells it; `total` is 0 while the provider has not counted.
    """

    id: str
    status: BatchStatus
    raw_status: str
    key: str | None = None
    done: int = 0
    failed: int = 0
    total: int = 0
    error: str | None = None
    created_at: str | None = None


class Batching(Protocol):
    """Batches of one provider. `start` is a paid call like `submit`; the others are reads that may be repeated.

    `listing_lag_s` is how long a new batch may stay invisible to `find`, `poll_s` how often it is polite to look at one;
    where `idempotent_start` is True a repeated `start` with the same key never makes a second batch.
    """

    listing_lag_s: float
    poll_s: float
    idempotent_start: bool
    limits: BatchLimits

    def encode(self, record: ModelRecord, index: int, call: Call) -> bytes:
        """One row of the file, without the line end; what `chat` would refuse is refused here."""

    def longest(self, record: ModelRecord, call: Call) -> Usage | None:
        """The most tokens that a call can read and write; None where that cannot be told before it is made."""

    def upload(self, file: Path, sha256: str) -> Upload:
        """Send the file; sending it twice costs nothing but time."""

    def still_there(self, upload: Upload) -> bool:
        """True where the provider still has the file."""

    def start(self, request: BatchRequest) -> RemoteBatch:
        """Start the batch: one attempt, no retries. Raises exactly one of Refused, NotSent and OutcomeUnknown."""

    def find(self, key: str) -> list[RemoteBatch]:
        """Every batch that carries this key, from all pages, oldest first."""

    def get(self, id: str) -> RemoteBatch:
        """The batch's present state; raises NotFound."""

    def answers(self, id: str) -> Iterator[tuple[int, Answer | str]]:
        """What there is of an ended batch, in any order: the index of a question with its answer, or why it has none."""

    def cancel(self, id: str) -> None:
        """Ask the batch to stop; returns at once, also where it has ended already."""


@runtime_checkable
class Batches(Protocol):
    """`batch`: inference that also answers many questions together, later."""

    batches: Batching


@runtime_checkable
class BatchPricing(Protocol):
    """Pricing of a provider that has batches; without it their price is not known."""

    def batch_rates(self, record: ModelRecord) -> CallRates | None:
        """The rates of an answer in a batch, or None where nobody sends a bill for it."""
