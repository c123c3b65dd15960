"""Watching a job at a terminal: a bar for its steps, its events as lines."""

from __future__ import annotations

from typing import Any

from ftkit.cli.terminal import bars, note
from ftkit.ledger import JobRow
from ftkit.submission import Job


def watch(job: Job, timeout_s: float | None = None) -> Job:
    """Follow a job to its end. Ctrl-C stops watching, not the job."""
    steps = job.plan.get("steps", 0)
    with bars() as update:
        if timeout_s is not None:
            return job.wait(timeout_s)
        for event in job.events(follow=True):
            if event.type == "step":
                loss = event.data.get("loss")
                label = "training" if loss is None else f"training, loss {loss:.3f}"
                update("training", event.data["step"], steps or event.data["step"], label)
            else:
                note(str(event))
    return job


def as_dict(job: Job, row: JobRow | None = None) -> dict[str, Any]:
    """A job as plain values; `row` is what is known already, else the provider is asked."""
    row = row or job.refresh()
    silent = job.silent_s()
    return {
        "schema_version": 1,
        "id": row.id,
        "names": job.names,
        "model": row.model,
        "method": row.method,
        "rows": row.plan.get("rows"),
        "phase": str(row.phase),
        "status": str(row.status),
        "raw_status": row.raw_status,
        "error": row.error,
        "cost_usd": None if row.cost_usd is None else str(row.cost_usd),
        "silent_s": silent,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }
