"""`ftkit estimate`: what a run costs and needs, without starting it."""

from __future__ import annotations

from typing import Any

import typer

import ftkit
from ftkit.cli.options import (
    Data,
    Json,
    MethodOption,
    ModelOption,
    Validation,
    with_hyperparameters,
    with_load_options,
)
from ftkit.cli.terminal import show


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("estimate")(estimate)


@with_load_options
@with_hyperparameters
def estimate(
    data: Data,
    load_options: dict[str, Any],
    hyperparameters: dict[str, Any],
    model: ModelOption = None,
    method: MethodOption = None,
    validation: Validation = None,
    json: Json = False,
) -> None:
    """Cost, steps, memory and time of one run, with every setting resolved. Trains nothing."""
    quote = ftkit.estimate(
        ftkit.load(data, **load_options),
        model,
        method=method,
        hyperparameters=hyperparameters,
        validation=None if validation is None else ftkit.load(validation, **load_options),
    )
    show(str(quote), quote.to_dict(), json)
