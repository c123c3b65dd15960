"""`ftkit rescue`: everything that an account's tuning history holds, into a folder, while the provider still has it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import ftkit
from ftkit.cli.options import AllowUnpriced, Json, MaxCost
from ftkit.cli.terminal import bars, show


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("rescue")(rescue)


def rescue(
    provider: Annotated[str, typer.Argument(help="A provider, as in openai or azure-eu.")],
    to: Annotated[Path, typer.Option(help="Folder; the same command goes on in it.")],
    ask: Annotated[
        Path | None, typer.Option(help="Rows that every tuned model answers; costs money.")
    ] = None,
    max_tokens: Annotated[int, typer.Option(help="Longest answer, in tokens.")] = 512,
    max_cost_usd: MaxCost = None,
    allow_unpriced: AllowUnpriced = False,
    json: Json = False,
) -> None:
    """Download jobs, events, metrics, checkpoint names and files. Changes nothing at the provider.

    Exit code 1 where something could not be had; it is named with its reason, and the rest is there.
    """
    with bars() as update:
        came = ftkit.rescue(
            provider,
            to,
            ask=ask,
            max_tokens=max_tokens,
            max_cost_usd=max_cost_usd,
            allow_unpriced=allow_unpriced,
            progress=update,
        )
    show(str(came), came.to_dict(), json)
    if not came.complete:
        raise typer.Exit(1)
