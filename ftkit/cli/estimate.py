"""`ftkit estimate`: what a run costs and needs, without starting it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import ftkit
from ftkit.cli.options import (
    Json,
    MethodOption,
    ModelOption,
    Validation,
    pairs,
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
    load_options: dict[str, Any],
    hyperparameters: dict[str, Any],
    data: Annotated[
        Path | None, typer.Argument(help="File of rows, or none and numbers.", show_default=False)
    ] = None,
    model: ModelOption = None,
    method: MethodOption = None,
    validation: Validation = None,
    tokens: Annotated[int | None, typer.Option(help="Without data: tokens of one pass.")] = None,
    rows: Annotated[
        int | None, typer.Option(help="Without data: how many rows they are in.")
    ] = None,
    training_hours: Annotated[float, typer.Option(help="Without data: where time is charged.")] = 0,
    hosting_hours: Annotated[float, typer.Option(help="Without data.")] = 0,
    storage_months: Annotated[float, typer.Option(help="Without data.")] = 0,
    input_tokens: Annotated[int, typer.Option(help="Without data: of all questions.")] = 0,
    output_tokens: Annotated[int, typer.Option(help="Without data: of all answers.")] = 0,
    rate: Annotated[
        list[str] | None, typer.Option(help="A price of your own, as in train=8 (repeat).")
    ] = None,
    json: Json = False,
) -> None:
    """Cost, steps, memory and time of one run, with every setting resolved. Trains nothing."""
    quote = ftkit.estimate(
        None if data is None else ftkit.load(data, **load_options),
        model,
        method=method,
        hyperparameters=hyperparameters,
        validation=None if validation is None else ftkit.load(validation, **load_options),
        tokens=tokens,
        rows=rows,
        training_hours=training_hours,
        hosting_hours=hosting_hours,
        storage_months=storage_months,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        rates=pairs("rate", "train=8", rate) or None,
    )
    show(str(quote), quote.to_dict(), json)
