"""`ftkit batch`: a model's answers to every row of a file, together within a day and for less; made once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import ftkit
from ftkit.cli.options import AllowUnpriced, Data, Json, with_load_options
from ftkit.cli.terminal import note, show
from ftkit.errors import Unanswered
from ftkit.types import Batch


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("batch")(batch)


@with_load_options
def batch(
    model: Annotated[str, typer.Argument(help="Saved file, job name or provider/id.")],
    data: Data,
    load_options: dict[str, Any],
    out: Annotated[
        Path, typer.Option(help="JSONL file for the answers, as `ftkit map` writes it.")
    ],
    max_tokens: Annotated[int, typer.Option(help="Longest answer, in tokens.")] = 512,
    temperature: Annotated[float | None, typer.Option(help="0, the default, is greedy.")] = None,
    seed: Annotated[int | None, typer.Option(help="For sampling.")] = None,
    max_cost_usd: Annotated[
        str | None, typer.Option(help="Refuse a batch that could cost more than this many USD.")
    ] = None,
    allow_unpriced: AllowUnpriced = False,
    no_wait: Annotated[
        bool,
        typer.Option("--no-wait", help="Return once it is started; the same command fetches it."),
    ] = False,
    json: Json = False,
) -> None:
    """Answer every row of a file in one batch; the same command again waits for it and writes what it answered."""
    rows = ftkit.load(data, **load_options)
    one = ftkit.model(model).batch(
        rows,
        max_tokens=max_tokens,
        temperature=temperature,
        seed=seed,
        max_cost_usd=max_cost_usd,
        allow_unpriced=allow_unpriced,
    )
    note(f"batch {one.key} on {one.model}, at the provider {one.id}{_at_most(one)}")
    if not no_wait:
        one.wait()
    ended = one.refresh().status.final
    if not ended:
        text = f"batch {one.key} goes on; the same command without --no-wait waits for it"
        show(text, {"schema_version": 1, "out": None, **one.to_dict()}, json)
        return
    one.save(out)
    cost = one.cost_usd  # before the row is shown: it is in it from now on
    value = {"schema_version": 1, "out": str(out), **one.to_dict()}
    try:
        answers = len(one.replies())
    except Unanswered as error:
        missing = _missing(error, model, data, out)
        if not json:
            raise missing from error
        show("", {**value, "missing": [fault.row for fault in error.faults]}, json)
        note(f"ftkit: {missing}")
        raise typer.Exit(missing.exit_code) from None
    price = "" if cost is None else f", {cost:.4f} USD"
    show(f"{answers:,} answers in {out}{price}", {**value, "missing": []}, json)


def _at_most(one: Batch) -> str:
    return "" if one.max_cost_usd is None else f", at most {one.max_cost_usd:.4f} USD"


def _missing(error: Unanswered, model: str, data: Path, out: Path) -> Unanswered:
    first = error.message.partition(". ")[0]
    return Unanswered(
        f"{first}; the others are in {out}, and `ftkit map {model} {data} --out {out}` with the same options asks only for "
        f"these, at the normal price",
        error.faults,
    )
