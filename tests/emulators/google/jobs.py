"""A tuning job: its life by the emulator's clock, its progress, its cost.

PENDING -> RUNNING -> SUCCEEDED | FAILED | CANCELLED; while it is RUNNING a second word says more: WAITING_FOR_QUOTA,
PROCESSING_DATASET, WAITING_FOR_CAPACITY, TUNING, POST_PROCESSING. It never moves by itself: `advance` catches up.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from . import tuning_files
from .create_rules import Asked
from .prices import MILLION, Base
from .records import Settings
from .refusals import RPC_CODES
from .tuning_files import TuningFile

FINAL = ("SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED", "PARTIALLY_SUCCEEDED")
MOST_CHECKPOINTS = 10
BATCH = 8
NEW = timedelta(0)
ERRORS = {
    "INTERNAL": "Internal error occurred. Please retry in a few minutes. If you still experience errors, contact "
    "Vertex AI.",
    "RESOURCE_EXHAUSTED": "The quota of the project is exhausted.",
    "UNAVAILABLE": "The service is currently unavailable.",
}


@dataclass(slots=True)
class Data:
    """A file of the bucket as it was when the job was made; `fault` is a code and what is wrong with the place."""

    uri: str
    content: bytes = b""
    fault: tuple[str, str] | None = None


@dataclass(slots=True)
class Job:
    """One job. `patched` is shown over the truth because a test said so; `begins` is when it got its share of quota."""

    id: str
    seq: int
    project: str
    location: str
    asked: Asked
    base: Base
    training: Data
    validation: Data | None
    settings: Settings
    created: datetime
    model: str
    version: int
    endpoint: str
    serving: str
    finish: Callable[[Job], None]
    planted: bool = False
    state: str = "PENDING"
    detail: str | None = None
    error: dict[str, Any] | None = None
    begins: datetime | None = None
    started: datetime | None = None
    finished: datetime | None = None
    updated: datetime | None = None
    read: TuningFile | None = None
    epochs: int = 0
    steps: int = 0
    steps_done: int = 0
    patched: dict[str, Any] = field(default_factory=dict)
    lost: bool = False
    held_since: datetime | None = None
    held: timedelta = NEW
    cancels_at: datetime | None = None

    @property
    def active(self) -> bool:
        """True where it waits or runs."""
        return self.state not in FINAL

    @property
    def tokens(self) -> int:
        """Billable tokens of one epoch."""
        return self.read.tokens if self.read else 0

    @property
    def usd(self) -> Decimal:
        """What it costs by now: the share of its steps that were done."""
        if not self.steps_done or self.base.train is None:
            return Decimal(0)
        full = self.tokens * self.epochs * self.base.train / MILLION
        return full * self.steps_done / self.steps

    @property
    def completed_epochs(self) -> int:
        """How many epochs are done."""
        return self.steps_done * self.epochs // self.steps if self.steps else 0

    @property
    def ready(self) -> datetime:
        """When it asks for its share of quota."""
        return self.created + self.held + timedelta(seconds=self.settings.pending_s)

    def checkpoints(self) -> list[tuple[str, int, int]]:
        """(id, epoch, step) of those kept, about ten where there are more epochs; none but the last if so asked."""
        if self.state != "SUCCEEDED" or self.asked.last_only or self.base.open:
            return []
        stride = math.ceil(self.epochs / MOST_CHECKPOINTS)
        kept = [e for e in range(1, self.epochs + 1) if (self.epochs - e) % stride == 0]
        per_epoch = self.steps // self.epochs
        return [(str(at), epoch, epoch * per_epoch) for at, epoch in enumerate(kept, 1)]

    def at(self, seconds: float) -> datetime:
        """The moment so many seconds of its own time after it got its quota."""
        assert self.begins is not None
        return self.begins + self.held + timedelta(seconds=seconds)

    def begin(self, moment: datetime) -> None:
        """Take its share of quota; from here its own time is counted anew."""
        self.begins, self.held = moment, NEW

    def advance(self, now: datetime) -> None:
        """Catch up with the clock; it begins when the book says so, which knows the others."""
        if self.cancels_at is not None and self.active and now >= self.cancels_at:
            self.end("CANCELLED", self.cancels_at, "CANCELLED", "The tuning job was cancelled.")
        if self.held_since is not None or not self.active or self.state == "CANCELLING":
            return
        if self.begins is None:
            if now >= self.ready:
                self._run("WAITING_FOR_QUOTA", self.ready)
            return
        s = self.settings
        data, capacity = s.dataset_s, s.dataset_s + s.capacity_s
        tuned = capacity + s.run_s
        self._run("PROCESSING_DATASET", self.at(0))
        if self.read is None and now >= self.at(data):
            self._look(self.at(data))
        if not self.active or now < self.at(data):
            return
        self._run("WAITING_FOR_CAPACITY", self.at(data))
        if now >= self.at(capacity):
            self._run("TUNING", self.at(capacity))
            self._train(now, capacity)
        if self.active and self.steps_done == self.steps and now >= self.at(tuned):
            self._run("POST_PROCESSING", self.at(tuned))
            if now >= self.at(tuned + s.post_s):
                self.end("SUCCEEDED", self.at(tuned + s.post_s))

    def end(self, state: str, moment: datetime, code: str = "", message: str = "") -> None:
        """End it for good."""
        self.state, self.detail = state, None
        self.finished = self.updated = moment
        self.held_since = None
        if state in ("FAILED", "CANCELLED"):
            self.error = {"code": RPC_CODES.get(code, 1), "message": message}
        if state == "SUCCEEDED":
            self.finish(self)

    def cancel(self, now: datetime) -> None:
        """Cancel it, at once or after a while of CANCELLING; what was learned is lost."""
        self.cancels_at = now + timedelta(seconds=self.settings.cancelling_s)
        if self.settings.cancelling_s:
            self.state, self.detail, self.updated = "CANCELLING", None, now
        self.advance(now)

    def freeze(self, now: datetime) -> None:
        """Stand still, because a test said so."""
        self.held_since = self.held_since or now

    def thaw(self, now: datetime) -> None:
        """Let time go on."""
        if self.held_since is not None:
            self.held += now - self.held_since
            self.held_since = None

    def hurry(self, now: datetime) -> None:
        """Do all that is left of it in this moment."""
        self.thaw(now)
        if self.begins is None:
            self.begin(now)
        s = self.settings
        self.advance(max(now, self.at(s.dataset_s + s.capacity_s + s.run_s + s.post_s)))
        if self.state == "SUCCEEDED":
            self.finished = self.updated = now

    def _run(self, detail: str, moment: datetime) -> None:
        order = ("WAITING_FOR_QUOTA", "PROCESSING_DATASET", "WAITING_FOR_CAPACITY", "TUNING")
        known = order.index(self.detail) if self.detail in order else -1
        if detail in order and order.index(detail) <= known:
            return
        self.started = self.started or moment
        self.state, self.detail, self.updated = "RUNNING", detail, moment

    def _look(self, moment: datetime) -> None:
        """Read the data; the job fails where it cannot be used."""
        for data, role in ((self.training, "training"), (self.validation, "validation")):
            if data is not None and data.fault is not None:
                code, what = data.fault
                self.end("FAILED", moment, code, f"Failed to read the {role} dataset: {what}")
                return
        s, method, open_model = self.settings, self.asked.method, self.base.open
        limit, cut = s.max_row_tokens, s.long_rows == "truncated"
        self.read = tuning_files.read(
            self.training.content, method, limit, open_model=open_model, cut=cut
        )
        fault = self.read.fault and f"Invalid training dataset. {self.read.fault}"
        if fault is None and self.validation is not None:
            content = self.validation.content
            checked = tuning_files.read(content, method, limit, open_model=open_model, cut=cut)
            fault = checked.fault or self._validation_fault(checked.lines)
            fault = fault and f"Invalid validation dataset. {fault}"
        if fault is not None:
            self.end("FAILED", moment, "INVALID_ARGUMENT", fault)
            return
        self.epochs = self.asked.epochs or s.default_epochs
        self.steps = math.ceil(self.read.rows / BATCH) * self.epochs

    def _validation_fault(self, lines: int) -> str | None:
        assert self.read is not None and self.validation is not None
        if lines > 5000:
            return f"It has {lines} examples, at most 5000 are allowed."
        if self.base.open:
            share = len(self.validation.content) / max(1, len(self.training.content))
            return "It is over 25% of the training dataset's size." if share > 0.25 else None
        if lines > 1000 and lines > 0.3 * self.read.lines:
            return (
                f"It has {lines} examples: over 1000 it may be at most 30% of the training dataset."
            )
        return None

    def _train(self, now: datetime, starts: float) -> None:
        fails_at = self.steps // 2 if self.settings.job_error else -1
        while self.steps_done < self.steps:
            moment = self.at(starts + self.settings.run_s * (self.steps_done + 1) / self.steps)
            if now < moment:
                return
            if self.steps_done == fails_at:
                code = self.settings.job_error or "INTERNAL"
                self.end("FAILED", moment, code, ERRORS.get(code, ERRORS["INTERNAL"]))
                return
            self.steps_done += 1
            self.updated = moment
