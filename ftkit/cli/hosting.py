"""`ftkit hosting`: what costs money by the hour; `stop` ends one, `settle` looks for one whose start was lost."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import typer

import ftkit
from ftkit import config
from ftkit.cli.options import Json
from ftkit.cli.terminal import show
from ftkit.models import settle_deployment, stop_deployment
from ftkit.types import Deployed


def register(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="List, stop or settle deployments, which cost money by the hour.")
    group.callback(invoke_without_command=True)(hosting)
    group.command("stop")(stop)
    group.command("settle")(settle)
    app.add_typer(group, name="hosting")


def hosting(
    context: typer.Context,
    provider: Annotated[str | None, typer.Option(help="Ask this provider only.")] = None,
    json: Json = False,
) -> None:
    """List what is deployed now, with its price per hour and its cost so far."""
    if context.invoked_subcommand is not None:
        return
    found = ftkit.hosting(provider)
    value = {"schema_version": 1, "deployments": [one.to_dict() for one in found]}
    show("\n".join(_lines(found)), value, json)


def stop(
    deployment: Annotated[str, typer.Argument(help="provider/id, as listed.", show_default=False)],
    json: Json = False,
) -> None:
    """Stop a deployment, whoever started or uses it."""
    one = stop_deployment(deployment, config.settings())
    cost = "" if one.cost_usd is None else f", it has cost {one.cost_usd:.2f} USD"
    show(f"{deployment} is stopped{cost}", {"schema_version": 1, **one.to_dict()}, json)


def settle(
    key: Annotated[str, typer.Argument(help="Key of a lost start, as listed.", show_default=False)],
    not_created: Annotated[
        bool, typer.Option("--not-created", help="Close it: the provider shows that there is none.")
    ] = False,
    json: Json = False,
) -> None:
    """Find out what became of a start whose answer was lost; exit code 4 while that cannot be known."""
    one = settle_deployment(key, config.settings(), not_created=not_created)
    if one is None:
        text = f"{key} is closed: nothing runs"
    else:
        text = f"{one.instance}/{one.id} runs since {one.since[:19]}; `ftkit hosting stop {one.instance}/{one.id}`"
    value = {"schema_version": 1, "deployment": None if one is None else one.to_dict()}
    show(text, value, json)


def _lines(found: list[Deployed]) -> list[str]:
    if not found:
        return ["nothing is deployed"]
    lines = []
    for one in found:
        rate = "price unknown" if one.usd_per_hour is None else f"{one.usd_per_hour:.2f} USD/h"
        cost = "" if one.cost_usd is None else f"  {one.cost_usd:.2f} USD so far"
        what = one.key if one.id is None else f"{one.instance}/{one.id}"
        lines.append(f"{what}  {one.instance}/{one.model}  {rate}  since {one.since[:16]}{cost}")
        if one.id is None:
            lines.append(f"  unsettled, may run: ftkit hosting settle {one.key}")
        else:
            lines.append(f"  ftkit hosting stop {what}")
    hourly = [one.usd_per_hour for one in found if one.usd_per_hour is not None]
    lines.append(f"in all {sum(hourly, Decimal(0)):.2f} USD an hour")
    return lines
