"""What the emulator keeps of accounts and batches, and the settings by which it behaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

MIB = 1 << 20
DAY = timedelta(hours=24)
KEPT = timedelta(days=29)  # how long a batch's results can be fetched


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a key speaks for. Batches and cached prompts belong to the workspace; nobody else sees them."""

    key: str
    organisation: str
    workspace: str

    @property
    def owner(self) -> str:
        """What objects are kept under."""
        return f"{self.organisation}/{self.workspace}"


@dataclass(frozen=True, slots=True)
class Settings:
    """How the emulator behaves; seconds are on its own clock. `funds`: "ok" or "empty" (402 on every paid call).

    `thinking_tokens` are what a model that thinks writes of it. `requests_per_minute` is enforced where set.
    `context_tokens` and `cached_from` stand for every model's own figures where set, so that tests stay short.
    `retirements`, "MODEL=DATE MODEL=DATE", move or make a model's last day. A batch takes `batch_s`, and what is not
    answered after a day expires: all but the first `batch_answers` rows where that is set. A cancelled one ends
    `cancel_s` later. `tokens`: "words".
    """

    batch_s: float = 2.0
    batch_answers: int | None = None
    cancel_s: float = 1.0
    listing_lag_s: float = 0.0
    unlisted: bool = False
    thinking_tokens: int = 4
    requests_per_minute: int | None = None
    context_tokens: int | None = None
    cached_from: int | None = None
    retirements: str = ""
    funds: str = "ok"
    tokens: str = "words"
    max_request_bytes: int = 32 * MIB
    max_batch_bytes: int = 256 * MIB


CHOICES = {"funds": ("ok", "empty"), "tokens": ("words",)}


@dataclass(slots=True)
class Batch:
    """Requests that are answered later at half the price; `rows` are custom_id and params as they came.

    `state` is in_progress, canceling or ended; `results` are in the order in which they are handed out.
    """

    id: str
    seq: int
    account: Account
    rows: Sequence[tuple[str, Any]]
    version: str
    created: datetime
    ends: datetime
    answers: int | None
    state: str = "in_progress"
    cancelled: datetime | None = None
    ended: datetime | None = None
    results: list[dict[str, Any]] = field(default_factory=list)
    deleted: bool = False

    def tally(self, kind: str) -> int:
        """How many rows ended so; none before all have."""
        return sum(row["result"]["type"] == kind for row in self.results)

    def archived(self, now: datetime) -> bool:
        """True once its results are gone."""
        return now >= self.created + KEPT
