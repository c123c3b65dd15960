"""`ftkit undeploy`: stop what costs money by the hour, by its model or by its id."""

from __future__ import annotations

from typing import Annotated

import typer

import ftkit
from ftkit.cli.hosting import stopped
from ftkit.cli.options import Json


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("undeploy")(undeploy)


def undeploy(
    what: Annotated[
        str,
        typer.Argument(
            help="A model, or provider/id as `ftkit hosting` lists it.", show_default=False
        ),
    ],
    json: Json = False,
) -> None:
    """Stop a deployment, whoever started or uses it, and say what it has cost."""
    stopped(ftkit.undeploy(what), json)
