"""`ftkit doctor`: what is wrong with this installation, what costs money now, and the facts for a bug report."""

from __future__ import annotations

from typing import Annotated

import typer

import ftkit
from ftkit.cli.options import Json
from ftkit.cli.terminal import show


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("doctor")(doctor)


def doctor(
    offline: Annotated[bool, typer.Option("--offline", help="Ask no provider.")] = False,
    json: Json = False,
) -> None:
    """What is wrong here, what costs money now, and what a bug report needs. Changes nothing.

    Exit code 1 when there is a problem; notices alone are 0. Credentials are named, never shown.
    """
    report = ftkit.doctor(offline=offline)
    show(str(report), report.to_dict(), json)
    if not report.ok:
        raise typer.Exit(1)
