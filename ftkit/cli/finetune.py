"""`ftkit finetune` (and wait) and `ftkit submit` (and return): one job for one plan."""

from __future__ import annotations

from typing import Any

import typer

import ftkit
from ftkit.cli.options import (
    Allow,
    Data,
    Force,
    Json,
    MaxCost,
    MethodOption,
    ModelOption,
    Name,
    Validation,
    usd,
    with_hyperparameters,
    with_load_options,
)
from ftkit.cli.terminal import note, show
from ftkit.cli.watching import as_dict, watch
from ftkit.submission import Job


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("finetune")(finetune)


@with_load_options
@with_hyperparameters
def finetune(
    data: Data,
    load_options: dict[str, Any],
    hyperparameters: dict[str, Any],
    model: ModelOption = None,
    method: MethodOption = None,
    validation: Validation = None,
    name: Name = None,
    max_cost_usd: MaxCost = None,
    allow: Allow = None,
    force_new: Force = False,
    json: Json = False,
) -> None:
    """Train a model and wait for it. Ctrl-C leaves the job running."""
    job = started(
        data,
        load_options,
        model=model,
        method=method,
        hyperparameters=hyperparameters,
        validation=validation,
        name=name,
        max_cost_usd=usd(max_cost_usd),
        allow=tuple(allow or ()),
        force_new=force_new,
    )
    tuned = watch(job).model()
    value = {**as_dict(job), "model_id": tuned.id}
    show(f"{tuned.id} is trained. Ask it: ftkit chat {(job.names or [job.id])[-1]}", value, json)


def started(data: Any, load_options: dict[str, Any], **options: Any) -> Job:
    """Plan, print the plan, submit."""
    rows = ftkit.load(data, **load_options)
    if options["validation"] is not None:
        options["validation"] = ftkit.load(options["validation"], **load_options)
    plan = ftkit.estimate(
        rows,
        options.pop("model"),
        method=options.pop("method"),
        hyperparameters=options.pop("hyperparameters"),
        validation=options["validation"],
    )
    note(str(plan))
    job = ftkit.submit(rows, plan=plan, **options)
    note(f"job {job.id}{f' ({job.names[-1]})' if job.names else ''}: {job.status}")
    return job
