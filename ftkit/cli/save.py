"""`ftkit save`: a model as a file that can be committed and copied."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import ftkit
from ftkit.cli.options import Json
from ftkit.cli.terminal import show


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("save")(save)


def save(
    model: Annotated[str, typer.Argument(help="Job name, provider/id or folder.")],
    path: Annotated[Path, typer.Argument(help="For example router.json.")],
    json: Json = False,
) -> None:
    """Write a model to a file, with its weights in a folder beside it where they are at hand."""
    handle = ftkit.model(model)
    written = handle.save(path)
    folder = path.with_suffix(".adapter") if handle.record.adapter is not None else None
    show(
        f"{written}" + (f" and {folder}: keep them together" if folder else ""),
        {
            "schema_version": 1,
            "path": str(written),
            "adapter": None if folder is None else str(folder),
            "model": handle.id,
        },
        json,
    )
