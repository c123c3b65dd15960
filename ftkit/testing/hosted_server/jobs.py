"""A job's life on the clock: queued, one step after another, done; its cost grows with its steps.

    queued -> running -> succeeded          by the clock alone
    queued, running -> paused -> as before  the user paused it, and let it go on
    queued, running, paused -> cancelled    the user cancelled
    queued, running -> any final status     a test patched it

Nothing runs in the background: a job catches up with the clock when somebody looks at it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from .records import epoch, money

FINAL = ("succeeded", "failed", "cancelled")


@dataclass(slots=True)
class Job:
    """One job. `full_usd` is its cost after the last step; `root` the untuned model below `model`."""

    id: str
    seq: int
    organisation: str
    model: str
    root: str
    method: str
    training_file: str
    validation_file: str | None
    hyperparameters: dict[str, Any]
    suffix: str | None
    metadata: dict[str, str]
    created: datetime
    queue: timedelta
    run: timedelta
    steps: int
    epochs: int
    full_usd: Decimal
    foreign: bool = False
    lost: bool = False
    frozen: bool = False
    status: str = "queued"
    step: int = 0
    finished: datetime | None = None
    paused_in: str = ""
    paused_at: datetime | None = None
    held: timedelta = timedelta(0)
    patched: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._record(self.created, "created", f"{self.id} was created")

    @property
    def active(self) -> bool:
        """True while it waits or runs."""
        return self.status not in FINAL

    @property
    def usd(self) -> Decimal:
        """What it has cost so far."""
        return self.full_usd * self.step / self.steps

    @property
    def tuned_model(self) -> str | None:
        """The id of its result, once it succeeded."""
        if self.status != "succeeded":
            return None
        named: str | None = self.patched.get("fine_tuned_model")
        return named or f"ft:{self.root}:{self.suffix or ''}:{self.id}"

    def advance(self, now: datetime) -> None:
        """Catch up with the clock. Time that runs backwards takes nothing back."""
        start = self.created + self.queue + self.held
        if self.frozen or self.status == "paused" or not self.active or now < start:
            return
        if self.status == "queued":
            self.status = "running"
            self._record(start, "started", "training started")
        over = now >= start + self.run
        reached = self.steps if over else (now - start) * self.steps // self.run
        while self.step < reached:
            self.step += 1
            loss = round(2 / (1 + 3 * self.step / self.steps), 4)
            moment = start + self.run * self.step / self.steps
            detail = {"step": self.step, "loss": loss}
            self._record(moment, "step", f"step {self.step} of {self.steps}", detail)
        if over:
            self.finish("succeeded", start + self.run)

    def pause(self, now: datetime) -> None:
        """Stand still; its time does so too."""
        self.paused_in, self.paused_at, self.status = self.status, now, "paused"
        self._record(now, "paused", "the job was paused")

    def go_on(self, now: datetime) -> None:
        """Go on where it was paused."""
        if self.paused_at is not None:
            self.held += now - self.paused_at
        self.status, self.paused_at = self.paused_in, None
        self._record(now, "resumed", "the job goes on")

    def finish(self, status: str, moment: datetime) -> None:
        """End it: no step and no cost is added any more."""
        if status == "succeeded":
            self.step = self.steps
        self.status = status
        self.finished = moment
        self._record(moment, status, f"the job {status}")

    def patch(self, fields: dict[str, Any], now: datetime) -> None:
        """Show `fields` verbatim from now on.

        A final `status` really ends the job; another one is only shown, and null shows the true one again.
        `frozen` stops progress while it is true.
        """
        self.advance(now)
        self.frozen = bool(fields.pop("frozen", self.frozen))
        self.patched.update(fields)
        if "status" not in fields:
            return
        if fields["status"] is None:
            del self.patched["status"]
        elif fields["status"] in FINAL and self.active:
            self.finish(fields["status"], now)

    def checkpoints(self) -> list[dict[str, Any]]:
        """One for each epoch that is over."""
        ends = [-(-self.steps * number // self.epochs) for number in range(1, self.epochs + 1)]
        return [
            {"step": end, "id": f"{self.id}-step-{end}"}
            for end in dict.fromkeys(ends)
            if end <= self.step
        ]

    def shown(self) -> dict[str, Any]:
        """The job as the API shows it."""
        return {
            "id": self.id,
            "seq": self.seq,
            "status": self.status,
            "model": self.model,
            "method": self.method,
            "training_file": self.training_file,
            "validation_file": self.validation_file,
            "hyperparameters": self.hyperparameters,
            "suffix": self.suffix,
            "metadata": self.metadata,
            "created_at": epoch(self.created),
            "finished_at": epoch(self.finished) if self.finished else None,
            "fine_tuned_model": self.tuned_model,
            "error": None,
            "step": self.step,
            "steps": self.steps,
            "usd": money(self.usd),
            **self.patched,
        }

    def _record(
        self, moment: datetime, kind: str, message: str, detail: dict[str, Any] | None = None
    ) -> None:
        self.events.append(
            {
                "id": len(self.events) + 1,
                "created_at": epoch(moment),
                "type": kind,
                "message": message,
                "data": detail or {},
            }
        )
