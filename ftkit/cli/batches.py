"""`ftkit batches`: every batch of answers; `settle` looks for one whose start was lost, `cancel` stops one."""

from __future__ import annotations

from typing import Annotated

import typer

import ftkit
from ftkit import config
from ftkit.cli.options import Json
from ftkit.cli.terminal import note, show
from ftkit.errors import FtkitError
from ftkit.models import cancel_batch, settle_batch
from ftkit.types import Batch

Key = Annotated[str, typer.Argument(help="Key or provider's id, as listed.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="List, settle or cancel batches of answers.")
    group.callback(invoke_without_command=True)(batches)
    group.command("list")(list_them)
    group.command("settle")(settle)
    group.command("cancel")(cancel)
    app.add_typer(group, name="batches")


def batches(context: typer.Context, json: Json = False) -> None:
    """List batches, newest first, as their providers see them now."""
    if context.invoked_subcommand is None:
        list_them(json)


def list_them(json: Json = False) -> None:
    """List batches, newest first, as their providers see them now."""
    found = ftkit.batches()
    for one in found:
        try:
            one.refresh()
        except FtkitError as error:
            note(f"batch {one.key} is shown as it was last seen: {error}")
    lines = [_line(one) for one in found] or ["there are no batches"]
    show("\n".join(lines), {"schema_version": 1, "batches": [one.to_dict() for one in found]}, json)


def settle(
    key: Key,
    adopt: Annotated[
        str | None, typer.Option(help="Bind it to this batch of the provider, by its id.")
    ] = None,
    not_created: Annotated[
        bool, typer.Option("--not-created", help="Close it: the provider shows that there is none.")
    ] = False,
    json: Json = False,
) -> None:
    """Find out what became of a start whose answer was lost; exit code 4 while that cannot be known."""
    one = ftkit.batch(key)
    settle_batch(one.key, config.settings(), adopt_id=adopt, not_created=not_created)
    show(_line(one), {"schema_version": 1, **one.to_dict()}, json)


def cancel(key: Key, json: Json = False) -> None:
    """Stop a batch; what is answered by then is billed, and can be had."""
    one = ftkit.batch(key)
    cancel_batch(one.key, config.settings())
    show(_line(one), {"schema_version": 1, **one.to_dict()}, json)


def _line(one: Batch) -> str:
    value = one.to_dict()
    word = value["status"]
    if value["state"] in ("submitting", "unsettled"):
        word = f"unsettled, may be billed: ftkit batches settle {one.key}"
    elif value["state"] in ("prepared", "uploading"):
        word = "prepared, not sent: the same call sends it"
    cost = value["cost_usd"] or (value["max_cost_usd"] and f"at most {value['max_cost_usd']}")
    parts = [
        one.key,
        value["id"] or "-",
        value["model"],
        f"{value['done']}/{value['total']}"
        + (f" ({value['failed']} failed)" if value["failed"] else ""),
        word,
        f"{cost} USD" if cost else "cost unknown",
    ]
    return "  ".join(parts) + (f"  {value['error']}" if value["error"] else "")
