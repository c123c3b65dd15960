"""`ftkit map`: a model's answers to every row of a file, resumable."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import ftkit
from ftkit.cli.options import AllowUnpriced, Data, Json, MaxCost, with_load_options
from ftkit.cli.terminal import bars, show


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("map")(map_rows)


@with_load_options
def map_rows(
    model: Annotated[str, typer.Argument(help="Saved file, job name, provider/id or folder.")],
    data: Data,
    load_options: dict[str, Any],
    out: Annotated[Path, typer.Option(help="JSONL file; the same command resumes it.")],
    max_tokens: Annotated[int, typer.Option(help="Longest answer, in tokens.")] = 512,
    temperature: Annotated[float | None, typer.Option(help="0, the default, is greedy.")] = None,
    seed: Annotated[int | None, typer.Option(help="For sampling.")] = None,
    max_cost_usd: MaxCost = None,
    allow_unpriced: AllowUnpriced = False,
    json: Json = False,
) -> None:
    """Answer every row of a file."""
    rows = ftkit.load(data, **load_options)
    with bars() as update:
        replies = ftkit.model(model).map(
            rows,
            out=out,
            max_tokens=max_tokens,
            max_cost_usd=max_cost_usd,
            allow_unpriced=allow_unpriced,
            temperature=temperature,
            seed=seed,
            progress=lambda done, total: update("answers", done, total),
        )
    replayed = sum(reply.replayed for reply in replies)
    show(
        f"{len(replies):,} answers in {out}"
        + (f", {replayed:,} of them from before" if replayed else ""),
        {"schema_version": 1, "out": str(out), "rows": len(replies), "replayed": replayed},
        json,
    )
