"""A batch of requests from a file of the bucket, answered later into another at half the price."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

FINAL = ("SUCCEEDED", "FAILED", "CANCELLED", "PARTIALLY_SUCCEEDED")


@dataclass(slots=True)
class Batch:
    """One batch; `rows` are its lines as they were when it was made."""

    id: str
    seq: int
    project: str
    location: str
    body: dict[str, Any]
    rows: list[Any]
    fault: tuple[int, str] | None
    created: datetime
    takes_s: float
    state: str = "QUEUED"
    finished: datetime | None = None
    output: str | None = None
    done: int = 0
    failed: int = 0
    error: dict[str, Any] | None = field(default=None)

    @property
    def labels(self) -> dict[str, str]:
        """Its labels."""
        found: dict[str, str] = self.body.get("labels") or {}
        return found

    @property
    def due(self) -> datetime:
        """When its answers are there."""
        return self.created + timedelta(seconds=self.takes_s)

    @property
    def active(self) -> bool:
        """True where it waits or runs."""
        return self.state not in FINAL

    def end(self, state: str, moment: datetime, error: tuple[int, str] | None = None) -> None:
        """End it for good."""
        self.state, self.finished = state, moment
        if error is not None:
            self.error = {"code": error[0], "message": error[1]}
