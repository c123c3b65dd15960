"""What training works with: a base, a run with every setting decided, a job as its provider knows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

from ftkit.data.tokens import Counts
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


@dataclass(frozen=True, slots=True)
class Base:
    """A model to start from. `id` is the native id as given; `snapshot` pins its exact content.

    `continues` is the native id of a tuned model of that base, where training goes on from its weights, which
    `continues_sha256` pins.
    """

    id: str
    snapshot: str
    family: str
    max_length: int | None
    continues: str | None = None
    continues_sha256: str | None = None


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
    """A run with nothing left to decide: no field of `hyperparameters` that applies is None.

    `steps` is 0 where the provider keeps the size of a batch to itself; `tier` is how the training is bought, where there
    is a choice. `validation` are the tokens of the rows that are only watched; `notes` are what the plan should say beside its
    numbers.
    """

    base: Base
    method: Method
    hyperparameters: Hyperparameters
    steps: int
    counts: Counts
    forecast: Forecast | None = None
    tier: str | None = None
    validation: Counts | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quantity:
    """A line of a bill without money: the core multiplies by the dated rate named `rate_key`.

    `amount` is the most that it should be; `expected` and `low` are set where it may be less, and `why` then says for what
    reason. `paid` is False for what nobody sends a bill for, such as hours of one's own machine.
    """

    label: str
    amount: Decimal
    unit: str
    rate_key: str
    paid: bool = True
    expected: Decimal | None = None
    low: Decimal | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that a provider holds: its id there, and the SHA-256 and size in bytes of what was sent."""

    id: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """Everything a job is made from. Files are encoded rows on disk; uploads are set where the backend has `upload`.

    `tier` is how the training is bought, where there is a choice. `stop_after_s` is how long the trainer may work, in seconds: then it ends with the model as it is. It is set only for a
    backend that has `time_limit`.
    """

    key: str
    base: Base
    method: Method
    hyperparameters: Hyperparameters
    steps: int
    train_file: Path
    validation_file: Path | None
    record: Mapping[str, Any]
    name: str | None = None
    train_upload: Upload | None = None
    validation_upload: Upload | None = None
    stop_after_s: float | None = None
    tier: str | None = None


@dataclass(frozen=True, slots=True)
class Remote:
    """A job as the provider knows it.

    `model` is the native id of the result, once there is one; `key` our key, where the provider tells it; `usd` the
    provider's own figure of what the job has cost so far; `finished_at` is set where the provider says that it has
    ended, whatever word it uses for the status.
    """

    id: str
    status: JobStatus
    raw_status: str
    model: str | None = None
    error: str | None = None
    progress: tuple[int, int] | None = None
    key: str | None = None
    base: str | None = None
    usd: Decimal | None = None
    created_at: str | None = None
    finished_at: str | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A state of the model that the provider kept: `id` is a native model id, `metrics` its numbers by their names there."""

    id: str
    step: int
    metrics: Mapping[str, float] = field(default_factory=dict)


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


class FileRole(StrEnum):
    """What a file was to its job."""

    TRAINING = "training"
    VALIDATION = "validation"
    METRICS = "metrics"


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that a job was made from or has made, by its id at the provider."""

    id: str
    role: FileRole


@dataclass(frozen=True, slots=True)
class Told:
    """A job in its provider's own words (JSON), and what of them every provider has in one form.

    `tokens` are those that were trained on and billed; `hyperparameters` bear the provider's names.
    """

    job: Remote
    words: Mapping[str, Any]
    files: tuple[RemoteFile, ...] = ()
    tokens: int | None = None
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
