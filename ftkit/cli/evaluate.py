"""`ftkit evaluate`: a model against others on held-out rows, with a verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import ftkit
from ftkit.cli.exit_codes import GATE_NOT_MET
from ftkit.cli.options import AllowUnpriced, Json, MaxCost, with_load_options
from ftkit.cli.terminal import bars, note, show
from ftkit.errors import ConfigError, FtkitError
from ftkit.evaluation import Verdict
from ftkit.words import nearest


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("evaluate")(evaluate)


@with_load_options
def evaluate(
    model: Annotated[str, typer.Argument(help="Saved file, job name, provider/id or folder.")],
    data: Annotated[Path, typer.Option(help="Held-out rows.", show_default=False)],
    load_options: dict[str, Any],
    against: Annotated[
        list[str] | None, typer.Option(help="Another model (repeat); else the base.")
    ] = None,
    metric: Annotated[str, typer.Option(help="What the verdict is about.")] = "exact_match",
    also: Annotated[list[str] | None, typer.Option(help="A further metric (repeat).")] = None,
    train: Annotated[Path | None, typer.Option(help="Training rows, for baselines.")] = None,
    seed: Annotated[int, typer.Option(help="Of the resampling.")] = 0,
    max_tokens: Annotated[int | None, typer.Option(help="Longest answer, in tokens.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a report to this file.")] = None,
    require: Annotated[
        str | None, typer.Option(help="Exit code 5 unless this is the verdict (better).")
    ] = None,
    max_cost_usd: MaxCost = None,
    allow_unpriced: AllowUnpriced = False,
    json: Json = False,
) -> None:
    """Compare a model with its base, or with others, on the same rows."""
    if require is not None and require not in list(Verdict):
        raise ConfigError(f"--require {require}: not a verdict{nearest(require, list(Verdict))}")
    candidate = ftkit.model(model)
    with bars() as update:
        report = ftkit.evaluate(
            candidate,
            [ftkit.model(other) for other in against] if against else None,
            data=ftkit.load(data, **load_options),
            metric=metric,
            also=tuple(also or ()),
            train=None if train is None else ftkit.load(train, **load_options),
            seed=seed,
            max_tokens=max_tokens,
            max_cost_usd=max_cost_usd,
            allow_unpriced=allow_unpriced,
            progress=update,
        )
    show(str(report), report.to_dict(), json)
    if html is not None:
        note(f"report: {report.html(html, metrics=_losses(candidate.record.job))}")
    if require is not None and report.verdict != require:
        raise typer.Exit(GATE_NOT_MET)


def _losses(job: str | None) -> list[dict[str, Any]] | None:
    """The loss curve of the job that made the model, where this ledger still has it."""
    if job is None:
        return None
    try:
        return ftkit.job(job).metrics()
    except FtkitError as error:
        note(f"the report has no loss curve: {error}")
        return None
