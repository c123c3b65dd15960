"""`ftkit split`: hold rows out, so that no duplicate and no group stands on both sides."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated, Any

import typer

import ftkit
from ftkit.cli.options import Data, Json, with_load_options
from ftkit.cli.terminal import show
from ftkit.data import Example
from ftkit.data.example import as_dicts
from ftkit.errors import StorageError


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
    force: Annotated[bool, typer.Option(help="Overwrite files that are there.")] = False,
    json: Json = False,
) -> None:
    """Write two chat JSONL files: rows to train on and rows to judge by."""
    rows = ftkit.load(data, **load_options)
    parts = rows.split(
        test=int(test) if test >= 1 else test,
        seed=seed,
        group_by=tuple(group_by) if group_by else None,
    )
    stem = data.name.split(".")[0]
    targets = (
        train_out or data.with_name(f"{stem}.train.jsonl"),
        held_out or data.with_name(f"{stem}.held_out.jsonl"),
    )
    for target in targets:
        if target.exists() and not force:
            raise StorageError(f"{target} is there already; pass --force to overwrite it")
    for target, part in zip(targets, parts, strict=True):
        _write(target, part)
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


def _write(path: Path, rows: Any) -> None:
    fresh = path.with_name(f".{path.name}.new")
    try:
        with open(fresh, "w", encoding="utf-8") as file:
            file.writelines(
                json_module.dumps(_row(example), ensure_ascii=False) + "\n" for example in rows
            )
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise StorageError(f"cannot write {path}: {error.strerror}") from error


def _row(example: Example) -> dict[str, Any]:
    """All of it, in the shape that `load` knows as chat or, with a rejected answer, as preference."""
    beside: dict[str, Any] = {}
    if example.tools:
        beside["tools"] = list(example.tools)
    if example.parallel_tool_calls is not None:
        beside["parallel_tool_calls"] = example.parallel_tool_calls
    if not example.rejected:
        return {"messages": as_dicts(example.messages), **beside, **example.fields}
    return {
        "input": {"messages": as_dicts(example.messages[:-1]), **beside},
        "preferred_output": as_dicts(example.messages[-1:]),
        "non_preferred_output": as_dicts(example.rejected),
        **example.fields,
    }
