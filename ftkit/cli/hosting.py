"""`ftkit hosting`: what costs money by the hour; `stop` ends one, `settle` looks for one whose start was lost."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

import typer

import ftkit
from ftkit import clock, config
from ftkit.cli.options import Json
from ftkit.cli.terminal import show
from ftkit.models import settle_deployment, stop_deployment, stop_left_behind
from ftkit.types import Deployed, DeploymentStatus

_WORDS = {
    DeploymentStatus.IN_USE: "in use by a living process",
    DeploymentStatus.RUNNING: "",
    DeploymentStatus.ABANDONED: "ABANDONED: nobody uses it any more, and it was not stopped",
    DeploymentStatus.OVERDUE: "OVERDUE: its time is over",
    DeploymentStatus.UNSETTLED: "unsettled, may run: the answer to its start was lost",
    DeploymentStatus.UNLISTED: "its provider does not list it: not yet, or not any more",
    DeploymentStatus.FOREIGN: "not started by this ledger, which never stops it by itself",
    DeploymentStatus.STOPPED: "stopped",
}


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
    """List what is deployed now, with its price per hour and its cost so far; first stop what was left behind."""
    if context.invoked_subcommand is not None:
        return
    stop_left_behind(config.settings())
    found = ftkit.hosting(provider)
    value = {"schema_version": 1, "deployments": [one.to_dict() for one in found]}
    show("\n".join(_lines(found)), value, json)


def stop(
    deployment: Annotated[str, typer.Argument(help="provider/id, as listed.", show_default=False)],
    json: Json = False,
) -> None:
    """Stop a deployment, whoever started or uses it."""
    stopped(stop_deployment(deployment, config.settings()), json)


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


def stopped(one: Deployed, json: bool) -> None:
    """Say that a deployment is stopped, and what it has cost."""
    cost = "" if one.cost_usd is None else f", it has cost {one.cost_usd:.2f} USD"
    text = f"{one.instance}/{one.id} is stopped{cost}"
    show(text, {"schema_version": 1, **one.to_dict()}, json)


def day_and_time(iso: str) -> str:
    """An ISO time as people write it, in UTC and to the minute."""
    return f"{datetime.fromisoformat(iso).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def span(hours: Decimal) -> str:
    """A length: `40 min`, `2 h`, `2 h 30 min`, `3 d 4 h`."""
    minutes = round(hours * 60)
    if minutes < 60:
        return f"{minutes} min" if minutes else "less than a minute"
    if minutes < 48 * 60:
        return f"{minutes // 60} h" + (f" {minutes % 60} min" if minutes % 60 else "")
    return f"{minutes // 1440} d" + (f" {left} h" if (left := minutes % 1440 // 60) else "")


def _lines(found: list[Deployed]) -> list[str]:
    if not found:
        return ["nothing is deployed"]
    lines = [line for one in found for line in _of(one)]
    hourly = [one.usd_per_hour for one in found if one.usd_per_hour is not None]
    unknown = sum(one.usd_per_hour is None for one in found)
    more = f", and {unknown} at a price that is not known" if unknown else ""
    lines.append(f"in all {sum(hourly, Decimal(0)):.2f} USD an hour{more}")
    return lines


def _of(one: Deployed) -> list[str]:
    rate = "price unknown" if one.usd_per_hour is None else f"{one.usd_per_hour:.2f} USD/h"
    cost = "cost unknown" if one.cost_usd is None else f"{one.cost_usd:.2f} USD so far"
    what = one.key if one.id is None else f"{one.instance}/{one.id}"
    lines = [
        f"{what}  {one.instance}/{one.model}  {rate}",
        f"  {cost}, since {day_and_time(one.since)}",
    ]
    if one.until is not None:
        lines.append(f"  until {day_and_time(one.until)}{_left(one.until)}")
    elif one.status is DeploymentStatus.RUNNING:
        lines.append("  until it is stopped: no length was stated")
    if one.provider_until is not None:
        lines.append(f"  {one.instance} itself stops it at {day_and_time(one.provider_until)}")
    if words := _WORDS[one.status]:
        lines.append(f"  {words}")
    if one.id is None and one.status is DeploymentStatus.IN_USE:
        lines.append("  it is being started")
    elif one.id is None:
        lines.append(f"  look for it: ftkit hosting settle {one.key}")
    else:
        lines.append(f"  stop it: ftkit undeploy {what}")
    return lines


def _left(until: str) -> str:
    seconds = (datetime.fromisoformat(until) - clock.now()).total_seconds()
    length = span(Decimal(str(abs(seconds))) / 3600)
    return f", {length} from now" if seconds > 0 else f", {length} ago"
