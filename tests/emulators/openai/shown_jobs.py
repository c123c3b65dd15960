"""How a job looks from outside: the truth in the contract's form, and what a test ordered to be shown instead."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..serving.clock import unix
from .jobs import FINAL, Job

NULL_ERROR = {"code": None, "message": None, "param": None}
LAST_CHECKPOINTS = 3


def shown(job: Job, null_errors: bool) -> tuple[dict[str, Any], dict[str, Any], frozenset[str]]:
    """What a client sees, what the contract is asked about, and by which deviations the two differ."""
    truth = _truth(job)
    seen = dict(truth)
    deviates = set()
    if truth["status"] == "paused":  # shown as it is, judged as the state that it interrupts
        truth["status"] = "running" if job.steps else "queued"
        deviates.add("paused")
    if null_errors and seen["error"] is None:
        seen["error"] = NULL_ERROR
        deviates.add("null error fields")
    if job.patched:
        seen |= job.patched
        deviates.add("patched job")
    return seen, truth, frozenset(deviates)


def event(one: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], frozenset[str]]:
    """The same of an event."""
    if one["type"] != "moderation_checks":
        return one, one, frozenset()
    return one, {**one, "type": "message"}, frozenset(("moderation_checks event",))


def checkpoints(job: Job) -> list[dict[str, Any]]:
    """Those of the last epochs, newest first; there are none before the job has succeeded."""
    if job.status != "succeeded":
        return []
    epochs = job.hyperparameters["n_epochs"]
    per_epoch = job.steps // epochs
    starts = job.settings.validating_s + job.settings.queue_s
    return [
        {
            "object": "fine_tuning.job.checkpoint",
            "id": f"ftckpt_{job.id.removeprefix('ftjob-')[:16]}{epoch:02}",
            "created_at": unix(job.at(starts + job.settings.run_s * epoch / epochs)),
            "fine_tuned_model_checkpoint": checkpoint_name(job.name, epoch * per_epoch),
            "fine_tuning_job_id": job.id,
            "step_number": epoch * per_epoch,
            "metrics": job.metrics(epoch * per_epoch),
        }
        for epoch in range(epochs, max(0, epochs - LAST_CHECKPOINTS), -1)
    ]


def checkpoint_name(model: str, step: int) -> str:
    """What a checkpoint is called as a model."""
    return f"{model}:ckpt-step-{step}"


def _truth(job: Job) -> dict[str, Any]:
    asked = job.asked
    flat = {name: value for name, value in job.hyperparameters.items() if name != "beta"}
    running = job.status == "running"
    shown = {
        "object": "fine_tuning.job",
        "id": job.id,
        "model": job.model,
        "created_at": unix(job.created),
        "finished_at": unix(job.finished) if job.finished else None,
        "fine_tuned_model": job.fine_tuned_model,
        "organization_id": job.organisation,
        "result_files": list(job.result_files),
        "status": job.status,
        "validation_file": asked.validation_file,
        "training_file": asked.training_file,
        "hyperparameters": flat,
        "trained_tokens": job.trained_tokens if job.status == "succeeded" else None,
        "error": job.error,
        "user_provided_suffix": asked.suffix,
        "seed": job.seed,
        "estimated_finish": unix(_finishes(job)) if running else None,
        "integrations": asked.integrations or [],
        "metadata": asked.metadata,
        "method": {
            "type": asked.method,
            asked.method: {"hyperparameters": dict(job.hyperparameters)},
        },
    }
    return job.told(shown)


def _finishes(job: Job) -> datetime:
    settings = job.settings
    return job.at(settings.validating_s + settings.queue_s + settings.run_s)


def _hurry(job: Job, now: datetime) -> None:
    """Do all that is left of it in this moment."""
    if job.status == "paused":
        job.resume(now)
    job.thaw(now)
    job.advance(max(now, _finishes(job)))
    job.finished = now


def patch(job: Job, fields: dict[str, Any], now: datetime) -> None:
    """Obey a test: a final status ends the job for good, `frozen` stops it, all else is only shown; None shows the
    truth again.
    """
    fields = dict(fields)
    frozen = fields.pop("frozen", None)
    if frozen is not None:
        (job.freeze if frozen else job.thaw)(now)
    status = fields.get("status")
    if status in FINAL and job.active:
        del fields["status"]
        error = fields.pop("error", None) or {}
        if status == "succeeded":
            _hurry(job, now)
        else:
            job.end(status, now, error.get("code", "server_error"), error.get("message", "failed"))
    for name, value in fields.items():
        if value is None:
            job.patched.pop(name, None)
        else:
            job.patched[name] = value
