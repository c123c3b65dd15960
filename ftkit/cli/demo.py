"""`ftkit demo`: the whole story on this machine, on tickets that come with ftkit.

Load, check, plan, tune, judge on held-out tickets whose wording was never trained on, save, and ask base and tuned model
side by side. The same verbs that a user calls; nothing here is special.
"""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

import ftkit
from ftkit import clock
from ftkit.cli.options import Json
from ftkit.cli.terminal import bars, note, out, plain, show
from ftkit.cli.watching import watch
from ftkit.samples import TICKETS_SYSTEM, tickets_path
from ftkit.types import Dataset, Job, Model

EPOCHS = 2
HELD_OUT = 100
SAMPLE_QUESTIONS = 3


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("demo")(demo)


def demo(
    model: Annotated[str, typer.Option(help="The base to tune.")] = "local/smollm2-135m",
    out_dir: Annotated[Path, typer.Option("--out", help="For report.html and router.json.")] = Path(
        "ftkit-demo"
    ),
    json: Json = False,
) -> None:
    """Tune a small model on support tickets, on this machine, and see whether it worked."""
    began = clock.monotonic()
    _step(json, "Load and check: support tickets -> routing JSON")
    tickets = ftkit.load(tickets_path(), system=TICKETS_SYSTEM)
    train, held_out = tickets.split(test=HELD_OUT, seed=0, group_by="template")
    report = ftkit.check(train, model)
    _say(json, f"{len(train)} tickets to learn from, {len(held_out)} held out; no template on both")
    _say(json, f"for example: {train[0].prompt[-1].content}\n         ->  {train[0].answer}")
    _say(json, str(report))

    _step(json, "Plan: what it needs, before anything runs")
    plan = ftkit.estimate(train, model, hyperparameters={"epochs": EPOCHS})
    _say(json, str(plan))

    _step(json, "Tune")
    job = ftkit.submit(train, plan=plan, name="demo")
    tuned = watch(job).model()

    _step(json, "Judge: base and tuned model on the held-out tickets, row by row")
    with bars() as update:
        result = ftkit.evaluate(
            tuned, [tuned.base], data=held_out, metric="exact_match", train=train, progress=update
        )
    _say(json, str(result))
    out_dir.mkdir(parents=True, exist_ok=True)
    page = result.html(out_dir / "report.html", metrics=job.metrics(), title="Support tickets")
    saved = tuned.save(out_dir / "router.json")
    _say(json, f"report: {page}\nmodel:  {saved} (ftkit.model({str(saved)!r}) opens it anywhere)")

    if not json:
        _side_by_side(tuned, held_out)
        return
    base, won = result.contender(result.opponent), result.comparison
    show(
        "",
        {
            "schema_version": 1,
            "base_exact": base.estimates["exact_match"].mean,
            "tuned_exact": result.contender(result.candidate).estimates["exact_match"].mean,
            "baselines": {
                match.opponent: result.contender(match.opponent).estimates["exact_match"].mean
                for match in result.baselines
            },
            "difference": won.difference,
            "low": won.low,
            "high": won.high,
            "verdict": str(won.verdict),
            "rows": won.rows,
            "train_s": training_seconds(job),
            "total_s": round(clock.monotonic() - began, 1),
            "job": job.id,
            "report": str(page),
            "model": str(saved),
        },
        True,
    )


def training_seconds(job: Job) -> float:
    """Seconds between a job's first and last event."""
    times = [datetime.fromisoformat(event.at) for event in job.events()]
    return round((times[-1] - times[0]).total_seconds(), 1) if times else 0.0


def _side_by_side(tuned: Model, held_out: Dataset) -> None:
    """Both models answer the same tickets; at a terminal, the reader's own too."""
    _step(False, "Ask both")
    for example in held_out[:SAMPLE_QUESTIONS]:
        out.print(f"\n> {example.prompt[-1].content}")
        _ask(tuned, example)
    if not (sys.stdin.isatty() and out.is_terminal):
        return
    note("\nYour own ticket (an empty line ends):")
    while True:
        try:
            question = input("> ").strip()
        except (EOFError, KeyboardInterrupt):
            note("")
            return
        if not question:
            return
        _ask(tuned, question)


def _ask(tuned: Model, question: Any) -> None:
    for label, model in (("base ", tuned.base), ("tuned", tuned)):
        answer = " ".join(model.chat(question, max_tokens=60).text.split())
        out.print(plain(f"  {label}  {answer}"))


def _step(quiet: bool, title: str) -> None:
    if not quiet:
        out.print(f"\n{title}", style="bold")


def _say(quiet: bool, text: str) -> None:
    if not quiet:
        out.print(text)
