"""`ftkit fix`: what is certainly damaged is put right in a new file, and every change is logged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import ftkit
from ftkit.cli.options import Data, Json, with_reading_options
from ftkit.cli.terminal import show
from ftkit.data.mending import MENDS

_UNASKED = ", ".join(mend.name for mend in MENDS if mend.unasked)
_ASKED = ", ".join(mend.name for mend in MENDS if not mend.unasked)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("fix")(fix)


@with_reading_options
def fix(
    data: Data,
    load_options: dict[str, Any],
    out: Annotated[
        Path | None,
        typer.Argument(help="The new file; without it nothing is written.", show_default=False),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help=f"Do this mend and no other (repeat). Only so: {_ASKED}."),
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option(help=f"Leave this mend out (repeat): {_UNASKED}.")
    ] = None,
    drop_duplicates: Annotated[
        bool, typer.Option("--drop-duplicates", help="Keep one of equal rows.")
    ] = False,
    drop_unreadable: Annotated[
        bool, typer.Option("--drop-unreadable", help="Leave out rows that cannot be read.")
    ] = False,
    log: Annotated[
        Path | None, typer.Option(help="Every change, a line each. Default: OUT.fixes.jsonl")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite files that are there; never the original.")
    ] = False,
    json: Json = False,
) -> None:
    """Put right what is certainly damaged, in a new file. Without OUT it says what would change."""
    fixed = ftkit.fix(
        data,
        out,
        only=only or None,
        skip=skip or None,
        drop_duplicates=drop_duplicates,
        drop_unreadable=drop_unreadable,
        log=log,
        force=force,
        **load_options,
    )
    show(str(fixed), fixed.to_dict(), json)
