"""`ftkit convert`: the rows of a file in another format, whole, or nothing is written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import ftkit
from ftkit.cli.options import Data, Json, with_load_options
from ftkit.cli.terminal import show


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("convert")(convert)


@with_load_options
def convert(
    source: Data,
    load_options: dict[str, Any],
    out: Annotated[
        Path,
        typer.Argument(
            help="File to write: .jsonl, .json, .csv or .tsv, each also .gz or .zst.",
            show_default=False,
        ),
    ],
    to: Annotated[str, typer.Option(help="Shape to write, such as chat or alpaca.")],
    renumber_calls: Annotated[
        bool,
        typer.Option("--renumber-calls", help="Name tool calls call_0, call_1 and so on."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    json: Json = False,
) -> None:
    """Write rows in another format. A row that it cannot carry whole is named, and nothing is written."""
    made = ftkit.convert(
        source, out, to=to, renumber_calls=renumber_calls, force=force, **load_options
    )
    show(str(made), made.to_dict(), json)
