"""A deployment: its life by the emulator's clock, what it costs for standing there, and how many requests it takes.

Creating -> Succeeded | Failed; it ends by a DELETE, a Developer one after a day, a tuned one that nobody asks after
some weeks. `advance(now)` catches up, each change at its own moment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from ..openai.jobs import Job
from .bases import Base

HOUR_S = Decimal(3600)
MINUTE = timedelta(seconds=60)


@dataclass(slots=True)
class Deployment:
    """`model` is its own part of the body, `others` what else was asked; `served` is what answers below it.

    `job` made the model, None for a base. `since` is when hosting began, or when its price last changed.
    """

    name: str
    sku: str
    capacity: int
    model: dict[str, Any]
    others: dict[str, Any]
    tags: dict[str, str] | None
    base: Base
    served: str
    job: Job | None
    created: datetime
    takes_s: float
    fails: bool
    since: datetime
    changed: datetime
    revision: int = 1
    last_call: datetime | None = None
    ended: datetime | None = None
    why: str | None = None
    billed: Decimal = Decimal(0)
    calls: list[datetime] = field(default_factory=list)

    @property
    def ready(self) -> datetime:
        """When it is, or was, through with its provisioning."""
        return self.changed + timedelta(seconds=self.takes_s)

    @property
    def rate(self) -> Decimal:
        """USD an hour: tuned models are hosted, except in the Developer tier; bases stand for nothing."""
        hosted = self.job is not None and self.sku != "DeveloperTier"
        return self.base.hosting if hosted else Decimal(0)

    def advance(self, now: datetime, developer_hours: float, idle_days: float | None) -> None:
        """End it where its time is over."""
        if self.ended is not None:
            return
        ends: list[tuple[datetime, str]] = []
        if self.sku == "DeveloperTier":
            ends.append((self.created + timedelta(hours=developer_hours), "developer"))
        if self.job is not None and idle_days is not None:
            last = max(self.last_call or self.created, self.changed)
            ends.append((last + timedelta(days=idle_days), "idle"))
        over = [one for one in ends if one[0] <= now]
        if over:
            self.end(*min(over))

    def end(self, moment: datetime, why: str) -> None:
        """No more from this moment on."""
        self.settle(moment)
        self.ended, self.why = moment, why

    def state(self, now: datetime) -> str:
        """ARM's provisioningState."""
        if self.ended is not None:
            return "Deleting"
        if now < self.ready:
            return "Creating"
        return "Failed" if self.fails else "Succeeded"

    def hosting_usd(self, now: datetime) -> Decimal:
        """What it has cost by now for standing there, to the second."""
        end = now if self.ended is None else self.ended
        if self.fails or end <= self.since:
            return self.billed
        seconds = Decimal(str((end - self.since).total_seconds()))
        return self.billed + self.rate * seconds / HOUR_S

    def settle(self, now: datetime) -> None:
        """Bill what was until now, before the price changes."""
        self.billed = self.hosting_usd(now)
        self.since = max(now, self.since)

    def turned_away(self, now: datetime) -> float | None:
        """Seconds until it takes a request again; None where it takes this one, which then counts."""
        self.calls = [moment for moment in self.calls if now - moment < MINUTE]
        if len(self.calls) >= self.capacity:
            return (self.calls[0] + MINUTE - now).total_seconds()
        self.calls.append(now)
        return None
