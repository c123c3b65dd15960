"""Batches: many calls sent as one file and answered together some time later, for less than one by one.

The calls of a batch bear the index of their question; a provider may answer in any order, and not all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol, runtime_checkable

from ftkit.backend.answers import Answer, Call, CallRates, ModelRecord, Usage
from ftkit.backend.jobs import Upload
from ftkit.backend.outcomes import Unavailable

_ASK_AGAIN_S = 60.0
_NAMED = 3


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

    `key` is our key, where the provider tells it; `total` is 0 while the provider has not counted. `expires_at`: when it has
    ended at the latest.
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
    expires_at: str | None = None


class Concealed(Unavailable):
    """A search cannot tell yet: each of `candidates` runs, and shows only at its end whether it bears the key."""

    def __init__(self, candidates: Sequence[RemoteBatch]) -> None:
        self.candidates = tuple(candidates)
        shown = "; ".join(map(_shown, self.candidates[:_NAMED]))
        more = len(self.candidates) - _NAMED
        super().__init__(
            f"it may be one of those that run, which show only at their end what they are: {shown}"
            + (f"; and {more:,} more" if more > 0 else ""),
            _ASK_AGAIN_S,
        )

    def __reduce__(self) -> tuple[type[Concealed], tuple[tuple[RemoteBatch, ...]]]:  # type: ignore[override]
        return type(self), (self.candidates,)


def _shown(one: RemoteBatch) -> str:
    parts = [
        f"of {one.total:,} questions" if one.total else "",
        f"started {one.created_at}" if one.created_at else "",
        f"ended by {one.expires_at} at the latest" if one.expires_at else "",
    ]
    return f"{one.id} ({', '.join(filter(None, parts))})"


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

    def find(self, key: str, rows: int | None = None) -> list[RemoteBatch]:
        """Every batch that carries this key, from all pages, oldest first; it has that many `rows`, where that is told.

        Raises Concealed where none is found and one that does not show its key may be it: never an empty list.
        """

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
