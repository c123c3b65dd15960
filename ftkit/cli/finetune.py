"""`ftkit finetune` (and wait) and `ftkit submit` (and return): one job for one plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

import ftkit
from ftkit import config
from ftkit.cli.options import (
    Data,
    Json,
    with_hyperparameters,
    with_job_options,
    with_load_options,
)
from ftkit.cli.terminal import note, show
from ftkit.cli.watching import as_dict, watch
from ftkit.submission import Job


def register(app: typer.Typer) -> None:
    """Add both verbs."""
    app.command("finetune")(finetune)
    app.command("submit")(submit)


@with_load_options
@with_hyperparameters
@with_job_options
def finetune(
    data: Data,
    load_options: dict[str, Any],
    hyperparameters: dict[str, Any],
    job_options: dict[str, Any],
    json: Json = False,
) -> None:
    """Train a model and wait for it. Ctrl-C leaves the job running."""
    job = _started(data, load_options, hyperparameters, job_options)
    tuned = watch(job).model()
    value = {**as_dict(job), "model_id": tuned.id}
    show(f"{tuned.id} is trained. Ask it: ftkit chat {(job.names or [job.id])[-1]}", value, json)


@with_load_options
@with_hyperparameters
@with_job_options
def submit(
    data: Data,
    load_options: dict[str, Any],
    hyperparameters: dict[str, Any],
    job_options: dict[str, Any],
    json: Json = False,
) -> None:
    """Start a job and print its id; `ftkit job wait ID` watches it."""
    job = _started(data, load_options, hyperparameters, job_options)
    show(job.id, as_dict(job), json)


def _started(
    data: Path, load: dict[str, Any], hyperparameters: dict[str, Any], options: dict[str, Any]
) -> Job:
    """Plan, print the plan, submit."""
    if "max_cost_usd" in options:
        options["max_cost_usd"] = config.money(options["max_cost_usd"], "--max-cost-usd")
    rows = ftkit.load(data, **load)
    if "validation" in options:
        options["validation"] = ftkit.load(options["validation"], **load)
    plan = ftkit.estimate(
        rows,
        options.pop("model", None),
        method=options.pop("method", None),
        hyperparameters=hyperparameters,
        validation=options.get("validation"),
    )
    note(str(plan))
    job = ftkit.submit(rows, plan=plan, **options)
    note(f"job {job.id}{f' ({job.names[-1]})' if job.names else ''}: {job.status}")
    return job
