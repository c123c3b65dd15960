"""`ftkit finetune` (and wait) and `ftkit submit` (and return): one job for one plan."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

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
from ftkit.types import Dataset, Job, Quote

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Print the request, send nothing.")]


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
    dry_run: DryRunOption = False,
) -> None:
    """Start a job and print its id; `ftkit job wait ID` watches it. With --dry-run print the request, send nothing."""
    if dry_run:
        rows, plan, options = _planned(data, load_options, hyperparameters, job_options)
        would = ftkit.submit(rows, plan=plan, **options, dry_run=True)
        show(str(would), would.to_dict(), json)
        return
    job = _started(data, load_options, hyperparameters, job_options)
    show(job.id, as_dict(job), json)


def _planned(
    data: Path, load: dict[str, Any], hyperparameters: dict[str, Any], options: dict[str, Any]
) -> tuple[Dataset, Quote, dict[str, Any]]:
    """The rows, their plan, and what is left of the options for `ftkit.submit`."""
    options = dict(options)
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
    return rows, plan, options


def _started(
    data: Path, load: dict[str, Any], hyperparameters: dict[str, Any], options: dict[str, Any]
) -> Job:
    """Plan, print the plan, submit."""
    rows, plan, options = _planned(data, load, hyperparameters, options)
    note(str(plan))
    job = ftkit.submit(rows, plan=plan, **options, dry_run=False)
    note(f"job {job.id}{f' ({job.names[-1]})' if job.names else ''}: {job.last_seen.status}")
    return job
