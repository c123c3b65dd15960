"""`ftkit prices`: every price in force with its source and date; `verify` sets those of inference beside another list's."""

from __future__ import annotations

from typing import Annotated

import typer

import ftkit
from ftkit import config
from ftkit.cli.exit_codes import GATE_NOT_MET
from ftkit.cli.options import Json
from ftkit.cli.terminal import show
from ftkit.cost import second_opinions

Provider = Annotated[str | None, typer.Option(help="Of this one only, as in together or azure-eu.")]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="List prices with source and date, or hold them against another list.")
    group.callback(invoke_without_command=True)(prices)
    group.command("verify")(verify)
    app.add_typer(group, name="prices")


def prices(context: typer.Context, provider: Provider = None, json: Json = False) -> None:
    """List every price in force; * marks one that is older than stale_after_days (90)."""
    if context.invoked_subcommand is not None:
        return
    found = ftkit.prices(provider)
    lines = []
    for one in found:
        tier = f" ({one.tier})" if one.tier else ""
        usd = "unknown" if one.usd is None else f"{one.usd} USD"
        note = f"; {one.note}" if one.note else ""
        lines.append(
            f"{one.provider}/{one.model}{tier}  {one.use}: {usd} per {one.unit}  "
            f"[{one.source}, {one.as_of}{'*' if one.stale else ''}{note}]"
        )
    show("\n".join(lines), {"schema_version": 1, "prices": [one.to_dict() for one in found]}, json)


def verify(provider: Provider = None, json: Json = False) -> None:
    """Hold the prices of bases against the package genai-prices. Exit code 5 where one differs."""
    found = second_opinions(config.settings(), provider)
    lines = [
        f"{'same  ' if one.agrees else 'DIFFER'}  {one.price.provider}/{one.price.model} {one.price.use}: "
        f"{one.price.usd} here ({one.price.as_of}), {one.theirs.normalize():f} in genai-prices"
        for one in found
    ]
    value = {
        "schema_version": 1,
        "prices": [
            {**one.price.to_dict(), "genai_prices_usd": str(one.theirs), "agrees": one.agrees}
            for one in found
        ],
    }
    show("\n".join(lines), value, json)
    if not all(one.agrees for one in found):
        raise typer.Exit(GATE_NOT_MET)
