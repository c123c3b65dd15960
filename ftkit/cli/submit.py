"""`ftkit submit`: start a job and return at once."""

from __future__ import annotations

from typing import Any

import typer

from ftkit.cli.finetune import started
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
from ftkit.cli.terminal import show
from ftkit.cli.watching import as_dict


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("submit")(submit)


@with_load_options
@with_hyperparameters
def submit(
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
    """Start a job and print its id; `ftkit job wait ID` watches it."""
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
    show(job.id, as_dict(job), json)
