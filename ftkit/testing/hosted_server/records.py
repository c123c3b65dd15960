"""What the provider keeps besides jobs: settings, files and deployments; and how it writes money and moments."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

USD_PER_MILLION_TRAINED = Decimal(8)
USD_PER_MILLION_READ = Decimal("0.50")
USD_PER_MILLION_WRITTEN = Decimal("1.50")
USD_PER_HOUR_DEPLOYED = Decimal(3)
MILLION = Decimal(1_000_000)


def money(amount: Decimal) -> str:
    """USD as text, to a hundred-millionth, without an exponent or trailing zeros."""
    return format(amount.quantize(Decimal("1E-8")).normalize(), "f")


def epoch(moment: datetime) -> int:
    """Whole seconds since 1970."""
    return int(moment.timestamp())


@dataclass(frozen=True, slots=True)
class Settings:
    """What tests may change while the server runs. Times are in seconds of the server's clock."""

    listing_lag: float = 0.0
    queue_seconds: float = 0.0
    run_seconds: float = 2.0
    idempotent: bool = False
    training_closed: bool = False
    unlisted: bool = False
    max_active_jobs: int = 10_000
    batch_seconds: float = 0.0
    batch_answers: int = -1  # so many rows of a batch are answered, then it expires; -1: all
    deployment_seconds: float = 0.0  # after which a deployment is stopped by itself; 0: never


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file; of one to train on only what billing needs is kept."""

    id: str
    seq: int
    organisation: str
    sha256: str
    bytes: int
    words: int
    rows: int
    created: datetime
    content: str = ""  # of questions only

    def shown(self) -> dict[str, Any]:
        """The file as the API shows it."""
        return {
            "id": self.id,
            "seq": self.seq,
            "sha256": self.sha256,
            "bytes": self.bytes,
            "created_at": epoch(self.created),
        }


@dataclass(slots=True)
class Deployment:
    """A model kept ready at a price per hour."""

    id: str
    seq: int
    organisation: str
    model: str
    created: datetime
    metadata: dict[str, str] = field(default_factory=dict)
    stopped: datetime | None = None
    stops: datetime | None = None

    def advance(self, now: datetime) -> None:
        """Stop by itself, at its time."""
        if self.stops is not None and now >= self.stops:
            self.stopped = self.stopped or self.stops

    def usd(self, now: datetime) -> Decimal:
        """What it has cost so far: full seconds at the hourly price."""
        seconds = int(((self.stopped or now) - self.created).total_seconds())
        return max(seconds, 0) * USD_PER_HOUR_DEPLOYED / 3600

    def shown(self) -> dict[str, Any]:
        """The deployment as the API shows it."""
        return {
            "id": self.id,
            "seq": self.seq,
            "model": self.model,
            "metadata": self.metadata,
            "usd_per_hour": f"{USD_PER_HOUR_DEPLOYED:.2f}",
            "created_at": epoch(self.created),
            "stops_at": epoch(self.stops) if self.stops else None,
            "stopped_at": epoch(self.stopped) if self.stopped else None,
            "status": "stopped" if self.stopped else "ready",
        }


@dataclass(slots=True)
class Batch:
    """Questions of a file, answered together once their time is over; `answers` are there from then on."""

    id: str
    seq: int
    organisation: str
    content: str
    total: int
    created: datetime
    metadata: dict[str, str] = field(default_factory=dict)
    status: str = "queued"
    answers: list[dict[str, Any]] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        """The batch as the API shows it."""
        wrong = sum("error" in row for row in self.answers)
        return {
            "id": self.id,
            "seq": self.seq,
            "status": self.status,
            "total": self.total,
            "done": len(self.answers) - wrong,
            "failed": wrong,
            "metadata": self.metadata,
            "created_at": epoch(self.created),
        }
