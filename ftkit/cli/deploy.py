"""`ftkit deploy`: the price of a deployment first, then one that lasts for the length that was stated."""

from __future__ import annotations

import signal
import sys
from typing import Annotated, Any

import typer

import ftkit
from ftkit import clock, config
from ftkit.cli.exit_codes import DECLINED, INTERRUPTED
from ftkit.cli.hosting import day_and_time, span
from ftkit.cli.options import AllowUnpriced, Json
from ftkit.cli.terminal import err, note, show
from ftkit.errors import ConfigError
from ftkit.models import DeployPlan, Done, planned_deployment
from ftkit.models.deploying import Held
from ftkit.registry import open_backend
from ftkit.types import Deployed

_LOOKS_EVERY_S = 30.0


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("deploy")(deploy)


def deploy(
    model: Annotated[str, typer.Argument(help="Saved file, job name or provider/id.")],
    hours: Annotated[str | None, typer.Option(help="Stop it after so many hours from now.")] = None,
    until_stopped: Annotated[
        bool, typer.Option("--until-stopped", help="State no length: it runs until you stop it.")
    ] = False,
    extend: Annotated[
        bool, typer.Option("--extend", help="Let one that runs already last so long from now on.")
    ] = False,
    max_cost_usd: Annotated[
        str | None, typer.Option(help="Refuse a length that could cost more.")
    ] = None,
    allow_unpriced: AllowUnpriced = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Stay here, and stop it at the end or at Ctrl-C.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before it starts.")] = False,
    json: Json = False,
) -> None:
    """Put a model on a deployment, for the models that answer only there. The price is told before anything starts.

    Nothing waits in the background: the first ftkit command after its time is over stops it, or --wait does.
    """
    if wait and extend:
        raise ConfigError("--wait stops what it starts, --extend lets go on what runs: choose one")
    settings = config.settings()
    limit = config.money(max_cost_usd, "--max-cost-usd")
    record = ftkit.model(model).record
    plan = planned_deployment(
        record,
        open_backend(record.instance, settings),
        settings,
        hours=hours,
        until_stopped=until_stopped,
        max_cost_usd=settings.max_cost_usd if limit is None else limit,
        allow_unpriced=allow_unpriced,
        extend=extend,
    )
    there = plan.there()
    if plan.starts_or_extends(there):
        note(_price(plan))
        if not (yes or _agreed()):
            note("nothing was started")
            raise typer.Exit(DECLINED)
    if wait:
        _wait(plan, json)
        return
    deployed, done = plan.carry_out()
    value = {"schema_version": 1, "done": str(done), **deployed.to_dict()}
    show("\n".join(_said(record.id, deployed, done)), value, json)


def _price(plan: DeployPlan) -> str:
    model, rate, until = plan.site.record.id, plan.site.usd_per_hour, plan.until
    each = "the price per hour is not known" if rate is None else f"{rate:.2f} USD an hour"
    if plan.hours is None:
        end = "no end is stated" if until is None else f"at most until {day_and_time(until)}"
        return f"{model}: {each}, until it is stopped ({end})"
    cost = "" if plan.usd is None else f"{plan.usd:.2f} USD "
    return f"{model}: {each}; {cost}for {span(plan.hours)}, until {day_and_time(until or '')}"


def _agreed() -> bool:
    """Ask where a person is there to answer."""
    if not (sys.stdin.isatty() and err.is_terminal):
        return True
    return typer.confirm("Start it?", err=True)


def _said(model: str, one: Deployed, done: Done) -> list[str]:
    words = {
        Done.STARTED: f"{model} is deployed as {one.instance}/{one.id}",
        Done.ATTACHED: f"{model} is deployed already, as {one.instance}/{one.id}: nothing is started",
        Done.EXTENDED: f"{model} goes on as {one.instance}/{one.id}",
    }
    lines = [words[done]]
    if one.status == "in_use" and done is not Done.EXTENDED:
        lines.append("another process uses it and stops it; --extend lets it go on")
    elif one.until is None:
        lines.append(f"it runs until you stop it: ftkit undeploy {model}")
    else:
        lines.append(
            f"until {day_and_time(one.until)}; the first ftkit command after that stops it"
        )
        lines.append(f"sooner: ftkit undeploy {model}")
    if one.provider_until is not None:
        lines.append(f"{one.instance} itself stops it at {day_and_time(one.provider_until)}")
    return lines


def _wait(plan: DeployPlan, json: bool) -> None:
    """Hold a deployment until its end, Ctrl-C, or until somebody else stops it or lets it go on."""
    if hasattr(signal, "SIGHUP"):  # a terminal that is closed ends it too
        signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))
    interrupted = False
    with plan.held() as used:
        running = used.started.running
        name = f"{plan.site.record.instance}/{running.id}"
        if not (used.ours and used.lasting.held):
            note(
                f"{plan.site.record.id} is deployed already, as {name}, and is not stopped from here"
            )
        else:
            note(f"{plan.site.record.id} is deployed as {name}; Ctrl-C stops it")
            try:
                _stay(plan, used)
            except KeyboardInterrupt:
                interrupted = True
    cost = plan.cost(used.started)
    went_on = plan.goes_on(used.started)
    money = "" if cost is None else f", it has cost {cost:.2f} USD"
    value: dict[str, Any] = {
        "schema_version": 1,
        "id": running.id,
        "model": plan.site.record.id,
        "stopped": not went_on,
        "cost_usd": None if cost is None else str(cost),
    }
    show(f"{name} {'goes on' if went_on else 'is stopped'}{money}", value, json)
    if interrupted:
        raise typer.Exit(INTERRUPTED)


def _stay(plan: DeployPlan, used: Held) -> None:
    while True:
        left = plan.seconds_left(used.started)
        if left <= 0:
            return
        clock.sleep(min(left, _LOOKS_EVERY_S))
