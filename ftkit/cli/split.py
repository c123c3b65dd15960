"""`ftkit split`: hold rows out, so that no duplicate and no group stands on both sides."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

import ftkit
from ftkit.cli.options import Data, Json, with_load_options
from ftkit.cli.terminal import show
from ftkit.data.formats import candidates
from ftkit.data.writing import stem, written
from ftkit.errors import ConfigError


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("split")(split)


@with_load_options
def split(
    data: Data,
    load_options: dict[str, Any],
    test: Annotated[float, typer.Option(help="Share of rows to hold out, or their number.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Another seed holds out other rows.")] = 0,
    group_by: Annotated[
        list[str] | None, typer.Option(help="Column whose equal values stay together (repeat).")
    ] = None,
    train_out: Annotated[Path | None, typer.Option(help="Default: NAME.train.jsonl")] = None,
    held_out: Annotated[Path | None, typer.Option(help="Default: NAME.held_out.jsonl")] = None,
    to: Annotated[
        str | None, typer.Option(help="Shape to write; default: chat, or preference for pairs.")
    ] = None,
    force: Annotated[bool, typer.Option(help="Overwrite files that are there.")] = False,
    json: Json = False,
) -> None:
    """Write two files: rows to train on and rows to judge by."""
    rows = ftkit.load(data, **load_options)
    parts = rows.split(
        test=int(test) if test >= 1 else test,
        seed=seed,
        group_by=tuple(group_by) if group_by else None,
    )
    targets = (
        train_out or data.with_name(f"{stem(data.name)}.train.jsonl"),
        held_out or data.with_name(f"{stem(data.name)}.held_out.jsonl"),
    )
    if targets[0].absolute() == targets[1].absolute():
        raise ConfigError(f"both parts would be written to {targets[0]}; name two files")
    # where one row has two answers all have: no format mixes them
    (format,) = candidates(to or ("preference" if rows[0].rejected else "chat"), None, None, None)
    with ExitStack() as both:
        for target, part in zip(targets, parts, strict=True):
            both.enter_context(written(part, target, format, force=force))
    train, held = parts
    show(
        f"{len(train):,} rows to train on: {targets[0]}\n{len(held):,} rows held out: {targets[1]}",
        {
            "schema_version": 1,
            "train": {"path": str(targets[0]), "rows": len(train)},
            "held_out": {"path": str(targets[1]), "rows": len(held)},
        },
        json,
    )
