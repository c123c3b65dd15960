"""A fine-tuning job: its life by the emulator's clock, its events, its cost.

validating_files -> queued -> running -> succeeded | failed | cancelled; paused is an aside of queued and running. It
never moves by itself: `advance(now)` catches up on what has happened since, each event at its own moment.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from ..serving.clock import unix
from . import training_files
from .create_rules import Asked, resolved
from .prices import MILLION, Base
from .records import Settings
from .tokens import Count
from .training_files import TrainingFile

FINAL = ("succeeded", "failed", "cancelled")
ERRORS = {
    "exceeded_quota": "Creating this fine-tuning job would exceed your hard limit, please check your plan and billing "
    "details.",
    "moderation": "The job failed because the fine-tuned model did not pass the moderation checks.",
    "server_error": "The job failed due to an internal error.",
}


@dataclass(slots=True)
class Job:
    """One job. `patched` is shown over the truth because a test said so; `model` is the model it starts from."""

    id: str
    seq: int
    owner: str
    organisation: str
    asked: Asked
    model: str
    base: Base
    name: str
    content: bytes
    validation: bytes | None
    settings: Settings
    count: Count
    created: datetime
    seed: int
    next_id: Callable[[str], str]
    keep_results: Callable[[Job], str]
    planted: bool = False
    status: str = "validating_files"
    error: dict[str, Any] | None = None
    finished: datetime | None = None
    trained: TrainingFile | None = None
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    steps: int = 0
    steps_done: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)
    result_files: list[str] = field(default_factory=list)
    patched: dict[str, Any] = field(default_factory=dict)
    lost: bool = False
    held_since: datetime | None = None
    held: timedelta = timedelta(0)
    started: datetime | None = None

    def __post_init__(self) -> None:
        self.hyperparameters = dict(self.asked.hyperparameters)
        self.event(self.created, f"Created fine-tuning job: {self.id}")
        self.event(self.created, f"Validating training file: {self.asked.training_file}")

    @property
    def active(self) -> bool:
        """True where it waits, runs or pauses."""
        return self.status not in FINAL

    @property
    def sees(self) -> bool:
        """True where its base can be trained on images."""
        return self.base.name == "gpt-4o-2024-08-06"

    def told(self, shown: dict[str, Any]) -> dict[str, Any]:
        """Itself as its provider shows it, from what OpenAI would show."""
        return shown

    @property
    def fine_tuned_model(self) -> str | None:
        """The model's name once there is one."""
        return self.name if self.status == "succeeded" else None

    @property
    def trained_tokens(self) -> int:
        """Billable tokens of the whole training."""
        assert self.trained is not None
        return self.trained.tokens * int(self.hyperparameters["n_epochs"])

    @property
    def usd(self) -> Decimal:
        """What it costs by now: the share of its steps that were done."""
        if self.trained is None or not self.steps_done or self.base.train is None:
            return Decimal(0)
        full = self.trained_tokens * self.base.train / MILLION
        return full * self.steps_done / self.steps

    def advance(self, now: datetime) -> None:
        """Catch up with the clock."""
        if self.held_since is not None:
            return
        settings = self.settings
        if self.status == "validating_files" and now >= self.at(settings.validating_s):
            self._validate(self.at(settings.validating_s))
        starts = settings.validating_s + settings.queue_s
        if self.status == "queued" and now >= self.at(starts):
            self._start(self.at(starts))
        if self.status == "running":
            self._run(now, starts)

    def at(self, seconds: float) -> datetime:
        """The moment so many seconds of its own time after its creation."""
        return self.created + self.held + timedelta(seconds=seconds)

    def event(
        self,
        moment: datetime,
        message: str,
        *,
        level: str = "info",
        type: str = "message",
        data: dict[str, Any] | None = None,
    ) -> None:
        """Note an event."""
        self.events.append(
            {
                "object": "fine_tuning.job.event",
                "id": self.next_id("ftevent"),
                "created_at": unix(moment),
                "level": level,
                "message": message,
                "type": type,
                "data": data or {},
            }
        )

    def end(self, status: str, moment: datetime, code: str = "", message: str = "") -> None:
        """End it for good."""
        self.status = status
        self.finished = moment
        self.held_since = None
        if status == "failed":
            param = code.removeprefix("invalid_") if code.endswith("_file") else None
            self.error = {"code": code, "message": message, "param": param}
            self.event(moment, message, level="error")
        elif status == "cancelled":
            self.event(moment, "The job was cancelled.", level="warn")

    def pause(self, now: datetime) -> None:
        """Stand still until `resume`."""
        self.status, self.held_since = "paused", now
        self.event(now, "The job was paused.", level="warn")

    def resume(self, now: datetime) -> None:
        """Go on where it stood."""
        self.thaw(now)
        self.status = "running" if self.steps else "queued"
        self.event(now, "The job was resumed.")

    def freeze(self, now: datetime) -> None:
        """Stand still unseen, because a test said so."""
        self.held_since = self.held_since or now

    def thaw(self, now: datetime) -> None:
        """Let time go on."""
        if self.held_since is not None:
            self.held += now - self.held_since
            self.held_since = None

    def _validate(self, moment: datetime) -> None:
        method = self.asked.method
        sees = self.sees
        self.trained = training_files.read(self.content, method, self.count, sees=sees)
        fault = self.trained.fault
        if fault is None and self.validation is not None:
            fault = training_files.read(
                self.validation, method, self.count, "validation", sees=sees
            ).fault
        if fault is None and self.settings.moderation == "file":
            fault = ("invalid_training_file", training_files.BLOCKED)
        if fault is not None:
            self.end("failed", moment, *fault)
            return
        self.hyperparameters = resolved(self.asked.hyperparameters, self.trained.rows)
        self.status = "queued"
        self.event(moment, "Files validated, moving job to queued state")

    def _start(self, moment: datetime) -> None:
        assert self.trained is not None
        if self.settings.quota == "exceeded":
            self.end("failed", moment, "exceeded_quota", ERRORS["exceeded_quota"])
            return
        per_epoch = math.ceil(self.trained.rows / self.hyperparameters["batch_size"])
        self.steps = per_epoch * self.hyperparameters["n_epochs"]
        self.status, self.started = "running", moment
        self.event(moment, "Fine-tuning job started")

    def _run(self, now: datetime, starts: float) -> None:
        epochs = self.hyperparameters["n_epochs"]
        fails_at = self.steps // 2 if self.settings.job_error else -1
        while self.steps_done < self.steps:
            step = self.steps_done + 1
            moment = self.at(starts + self.settings.run_s * step / self.steps)
            if now < moment:
                return
            if self.steps_done == fails_at:
                code = self.settings.job_error or ""
                self.end("failed", moment, code, ERRORS.get(code, ERRORS["server_error"]))
                return
            self.steps_done = step
            metrics = self.metrics(step)
            text = f"Step {step}/{self.steps}: training loss={metrics['train_loss']:.2f}"
            data = {**metrics, "total_steps": self.steps}
            self.event(moment, text, type="metrics", data=data)
            if step % (self.steps // epochs) == 0 and step < self.steps:
                self.event(moment, f"Checkpoint created at step {step}")
        self._finish(self.at(starts + self.settings.run_s))

    def _finish(self, moment: datetime) -> None:
        blocked = self.settings.moderation == "model"
        if blocked or self.settings.moderation_events:
            data = {"blocked": blocked, "results": [{"flagged": blocked, "category": "hate"}]}
            text = (
                f"Moderation checks for snapshot {self.name} {'failed' if blocked else 'passed'}."
            )
            self.event(moment, text, type="moderation_checks", data=data)
        if blocked:
            self.end("failed", moment, "moderation", ERRORS["moderation"])
            return
        self.status, self.finished = "succeeded", moment
        self.result_files = [self.keep_results(self)]
        self.event(moment, "New fine-tuned model created", data={"model": self.name})
        self.event(moment, "The job has successfully completed")

    def metrics(self, step: int) -> dict[str, Any]:
        """A loss that falls smoothly; the same for the same job and step."""
        left = math.exp(-3 * step / self.steps)
        found = {
            "step": step,
            "train_loss": round(0.1 + 2 * left, 5),
            "train_mean_token_accuracy": round(1 - 0.6 * left, 5),
        }
        if self.validation is not None:
            found["valid_loss"] = round(0.2 + 2 * left, 5)
            found["valid_mean_token_accuracy"] = round(1 - 0.65 * left, 5)
        return found
