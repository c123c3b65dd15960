"""A job as Azure runs and shows it: it waits for a free place, stops and pauses with a delay, and has its own words.

How it is shown follows printed answers of the live service (2025): no suffix, no method, nulls for what is not there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ..openai import jobs as openai
from ..openai.shown_jobs import checkpoints as by_epoch
from ..serving.clock import unix
from .create_rules import Asked
from .refusals import Refusal

# The state of OpenAI's job, as each of the two APIs spells it.
SPELT = {
    "v1": {"validating_files": "pending"},
    "dated": {"validating_files": "pending", "queued": "notRunning", "cancelled": "canceled"},
}


@dataclass
class Job(openai.Job):
    """`place` says from when it may run, None: not yet; `settle` catches up with all jobs; `kept` are paused steps."""

    place: Callable[[Job, datetime, datetime], datetime | None] = lambda job, due, now: due
    settle: Callable[[datetime], None] = lambda now: None
    seen: datetime | None = None
    kept: list[tuple[int, datetime]] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """Its kind of training."""
        assert isinstance(self.asked, Asked)
        return self.asked.kind

    @property
    def sees(self) -> bool:
        """By its base."""
        return bool(getattr(self.base, "sees", False))

    def advance(self, now: datetime) -> None:
        """Catch up together with the jobs before it, whose places it waits for."""
        self.settle(now)
        self.move(now)

    def move(self, now: datetime) -> None:
        """Catch up alone."""
        self.seen = now
        super().advance(now)

    def pause(self, now: datetime) -> None:
        """Only what has made a step can be paused; it leaves a checkpoint that can be deployed."""
        if self.status != "running" or not self.steps_done:
            raise Refusal(400, f"Job {self.id} has made no step yet: it cannot be paused.")
        super().pause(now)
        self.kept.append((self.steps_done, now))

    def told(self, shown: dict[str, Any]) -> dict[str, Any]:
        """As Azure shows it."""
        settings: Any = self.settings
        now = self.seen or self.created
        shown["status"] = SPELT[settings.statuses].get(shown["status"], shown["status"])
        pausing, canceling = (
            timedelta(seconds=lasts) for lasts in (settings.pausing_s, settings.canceling_s)
        )
        if self.status == "paused" and self.held_since and now < self.held_since + pausing:
            shown["status"] = "pausing"
        if self.status == "cancelled" and self.finished and now < self.finished + canceling:
            shown |= {"status": "canceling", "finished_at": None}
        shown["organization_id"] = None
        shown["integrations"] = shown["integrations"] or None
        shown["result_files"] = shown["result_files"] or None
        if not settings.shows_method:
            shown["method"] = None
        if not settings.keeps_metadata:
            shown["metadata"] = None
        if not settings.echoes_suffix:
            del shown["user_provided_suffix"]
        return shown

    def checkpoints(self) -> list[dict[str, Any]]:
        """Newest first: those of the last epochs, the last one under the model's own name; else those of its pauses."""
        found = by_epoch(self) or [
            {
                "object": "fine_tuning.job.checkpoint",
                "created_at": unix(moment),
                "fine_tuned_model_checkpoint": f"{self.name}:ckpt-step-{step}",
                "fine_tuning_job_id": self.id,
                "step_number": step,
                "metrics": self.metrics(step),
            }
            for step, moment in reversed(self.kept)
        ]
        for one in found:
            one["id"] = f"ftchkpt-{self.id.removeprefix('ftjob-')[:24]}{one['step_number']:08x}"
            if self.status == "succeeded" and one["step_number"] == self.steps:
                one["fine_tuned_model_checkpoint"] = self.name
            metrics = one["metrics"]
            metrics["step"] = float(metrics["step"])
            if "valid_loss" in metrics:
                metrics["full_valid_loss"] = metrics["valid_loss"]
                metrics["full_valid_mean_token_accuracy"] = metrics["valid_mean_token_accuracy"]
        return found

    def _start(self, moment: datetime) -> None:
        """Run from the first free place on."""
        place = self.place(self, moment, self.seen or moment)
        if place is None:
            return
        self.held += place - moment
        super()._start(place)

    def _finish(self, moment: datetime) -> None:
        super()._finish(moment)
        if self.status == "succeeded":
            self.event(moment, "Job succeeded.")
            self.event(moment, f"Completed results file: {self.result_files[0]}")
            self.event(moment, f"Training tokens billed: {self.trained_tokens}")
