"""`ftkit spent`: what this month's paid calls have cost, what the budget leaves, and how good the quotes were."""

from __future__ import annotations

from typing import Annotated

import typer

import ftkit
from ftkit.cli.options import Json
from ftkit.cli.terminal import show


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("spent")(spent)


def spent(
    month: Annotated[
        str | None, typer.Option(help="As in 2026-11 (UTC); else the current one.")
    ] = None,
    json: Json = False,
) -> None:
    """List the paid calls of a month with their cost, and what is left of monthly_budget_usd. Asks no provider."""
    found = ftkit.spent(month)
    show(str(found), found.to_dict(), json)
