"""`ftkit job checkpoints`: states of the model that the provider kept, a line each."""

from __future__ import annotations

import typer

import ftkit
from ftkit.cli.job_which import Which
from ftkit.cli.options import Json
from ftkit.cli.terminal import show


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("checkpoints")(checkpoints)


def checkpoints(job: Which, json: Json = False) -> None:
    """The checkpoints of a job, oldest first: step, model id and metrics. Ask one with `ftkit chat MODEL-ID`."""
    found = ftkit.job(job)
    kept = found.checkpoints()
    value = {
        "schema_version": 1,
        "id": found.id,
        "checkpoints": [
            {"step": one.step, "model_id": one.model_id, "metrics": dict(one.metrics)}
            for one in kept
        ],
    }
    show("\n".join(map(str, kept)) or f"job {found.id} has no checkpoints", value, json)
