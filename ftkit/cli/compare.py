"""`ftkit compare`: what tuning on these rows costs everywhere, and what not tuning costs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

import ftkit
from ftkit.cli.options import (
    Data,
    Json,
    MethodOption,
    pairs,
    with_hyperparameters,
    with_load_options,
)
from ftkit.cli.terminal import note, out, plain, show
from ftkit.cost.price_lines import as_csv, explained


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("compare")(compare)


@with_load_options
@with_hyperparameters
def compare(
    data: Data,
    load_options: dict[str, Any],
    hyperparameters: dict[str, Any],
    model: Annotated[
        list[str] | None, typer.Option(help="Only this one (repeat); else all there are.")
    ] = None,
    calls_per_month: Annotated[int, typer.Option(help="How often the model will be asked.")] = 0,
    horizon_months: Annotated[
        int, typer.Option(help="Over how many months costs are summed.")
    ] = 12,
    must: Annotated[
        list[str] | None, typer.Option(help="region=eu or weights=downloadable (repeat).")
    ] = None,
    method: MethodOption = None,
    allow_retiring: Annotated[
        bool | None,
        typer.Option("--allow-retiring", help="With bases that end within 90 days."),
    ] = None,
    examples: Annotated[int, typer.Option(help="Examples in the prompt of not tuning.")] = 5,
    hosting_hours: Annotated[
        float, typer.Option(help="Hours a month for which a deployment is there.")
    ] = 730,
    report: Annotated[
        Path | None,
        typer.Option(help="Of `ftkit evaluate --json`: what a right answer costs."),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Every line with its source.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page to this file.")] = None,
    json: Json = False,
) -> None:
    """Price training and use on every provider, the cheapest first, beside a prompt without tuning. Sends nothing."""
    table = ftkit.compare(
        ftkit.load(data, **load_options),
        model or "all",
        calls_per_month=calls_per_month,
        horizon_months=horizon_months,
        must=pairs("must", "region=eu or weights=downloadable", must),
        method=method,
        hyperparameters=hyperparameters,
        examples=examples,
        hosting_hours_per_month=hosting_hours,
        report=report,
        allow_retiring=allow_retiring,
    )
    if html is not None:
        note(f"price table: {table.html(html)}")
    if csv:
        sys.stdout.write(as_csv(table))
        return
    show(str(table), table.to_dict(), json)
    if explain and not json:
        out.print("\n" + plain(explained(table)))
