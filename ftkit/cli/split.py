"""`ftkit split`: hold rows out, so that no duplicate and no group stands on both sides."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast

import typer

import ftkit
from ftkit.cli.options import Data, Json, with_load_options
from ftkit.cli.terminal import show
from ftkit.data import Dataset
from ftkit.data.formats import to_write
from ftkit.data.splitting import Duplicates, Near
from ftkit.data.writing import stem, write
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
    duplicates: Annotated[
        str, typer.Option(help="prompt: equal prompts stay together; row: only equal rows.")
    ] = "prompt",
    near: Annotated[
        float | None,
        typer.Option(help="Similarity from which questions stay together; 0.8 where it can be."),
    ] = None,
    no_near: Annotated[
        bool, typer.Option("--no-near", help="Near duplicates may stand on both sides.")
    ] = False,
    stratify_by: Annotated[
        str | None, typer.Option(help="Column, or label for the answer: equal shares of each.")
    ] = None,
    time_by: Annotated[
        str | None, typer.Option(help="Column of dates or numbers: the latest are held out.")
    ] = None,
    previous_train: Annotated[
        Path | None, typer.Option(help="Rows trained on before: they stay there.")
    ] = None,
    previous_held_out: Annotated[
        Path | None, typer.Option(help="Rows held out before: they stay there.")
    ] = None,
    train_out: Annotated[Path | None, typer.Option(help="Default: NAME.train.jsonl")] = None,
    held_out: Annotated[Path | None, typer.Option(help="Default: NAME.held_out.jsonl")] = None,
    to: Annotated[
        str | None, typer.Option(help="Shape to write; default: chat, or preference for pairs.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
    json: Json = False,
) -> None:
    """Write two files: rows to train on and rows to judge by."""
    rows = ftkit.load(data, **load_options)
    parts = rows.split(
        test=_wanted(test),
        seed=seed,
        group_by=tuple(group_by) if group_by else None,
        duplicates=cast(Duplicates, duplicates),
        near=_near(near, no_near),
        stratify_by=stratify_by,
        time_by=time_by,
        previous=_previous(previous_train, previous_held_out),
    )
    targets = (
        train_out or data.with_name(f"{stem(data.name)}.train.jsonl"),
        held_out or data.with_name(f"{stem(data.name)}.held_out.jsonl"),
    )
    for target in targets:
        if target.resolve() == data.resolve():
            raise ConfigError(
                f"{target} is the file that is split: one part would take the place of all rows; name another file"
            )
    # where one row has two answers all have: no format mixes them
    format = to_write(to or ("preference" if rows[0].rejected else "chat"))
    write(list(zip(targets, parts, strict=True)), format, force=force)
    train, held = parts
    said = [
        f"{len(train):,} rows to train on: {targets[0]}",
        f"{len(held):,} rows held out: {targets[1]}",
        *str(parts).splitlines()[1:],
    ]
    show(
        "\n".join(said),
        {
            "schema_version": 1,
            "train": {"path": str(targets[0]), "rows": len(train)},
            "held_out": {"path": str(targets[1]), "rows": len(held)},
            "notes": list(parts.notes),
            "moved": [{"row": one.row, "why": one.why} for one in parts.moved],
        },
        json,
    )


def _wanted(test: float) -> float:
    """A share as it is, a number of rows as an int: half a row must not be cut off in silence."""
    if not test >= 1:
        return test
    if not test.is_integer():
        raise ConfigError(f"--test {test:g}: a share below 1, or a whole number of rows")
    return int(test)


def _near(near: float | None, off: bool) -> Near:
    if near is not None and off:
        raise ConfigError("--near and --no-near say opposite things; pass one of them")
    return False if off else near


def _previous(train: Path | None, held_out: Path | None) -> tuple[Dataset, Dataset] | None:
    """The files that an earlier `ftkit split` wrote."""
    if train is None and held_out is None:
        return None
    if train is None or held_out is None:
        raise ConfigError("--previous-train and --previous-held-out go together")
    return ftkit.load(train), ftkit.load(held_out)
