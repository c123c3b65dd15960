"""`ftkit check`: what is wrong with a data set, for one model, as a table and as a page; `--show-mask` prints what is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

import ftkit
from ftkit.cli.check_table import print_report
from ftkit.cli.exit_codes import GATE_NOT_MET
from ftkit.cli.options import Data, Json, ModelOption, with_load_options
from ftkit.cli.terminal import note, out, plain, show
from ftkit.data import NEVER, Severity
from ftkit.errors import CapabilityError, ConfigError, NotFound
from ftkit.words import nearest


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("check")(check)


@with_load_options
def check(
    data: Data,
    load_options: dict[str, Any],
    model: ModelOption = None,
    against: Annotated[
        Path | None, typer.Option(help="The held-out rows: those known from them are found.")
    ] = None,
    show_mask: Annotated[
        int | None, typer.Option(help="Print this row with its trained tokens marked.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a data card to this file.")] = None,
    fail_on: Annotated[
        str, typer.Option(help="Exit code 5 from this severity on: error, warning, info, never.")
    ] = "error",
    json: Json = False,
) -> None:
    """Judge a data set: findings with row numbers and a way to mend. Exit code 5 when one is an error."""
    _check_word(fail_on)
    if show_mask is not None:
        _mask(ftkit.load(data, **load_options), show_mask, model, json)
        return
    report = ftkit.check(data, model, against=against, **load_options)
    if json:
        if html is not None:  # first: an error is JSON too, and has to be all there is
            note(f"data card: {report.html(html)}")
        show("", report.to_dict(), json)
    else:
        print_report(report, out)
        if html is not None:
            note(f"data card: {report.html(html)}")
    if report.fails(fail_on):
        raise typer.Exit(GATE_NOT_MET)


def _check_word(fail_on: str) -> None:
    """A wrong word is told before the data is read, which may take minutes."""
    words = (*Severity, NEVER)
    if fail_on not in words:
        raise ConfigError(f"--fail-on {fail_on}: not a severity{nearest(fail_on, words)}")


def _mask(data: Any, row: int, model: str | None, as_json: bool) -> None:
    from ftkit import config
    from ftkit.cost import chosen_model, model_renderer
    from ftkit.data.tokens import DeclaresTurns, rendered, tools_of

    numbers = [known.number for known in data.rows]
    if row not in numbers:
        raise NotFound(f"{data.source} has no row {row}; it has rows 1 to {numbers[-1]}")
    settings = config.settings()
    _, renderer = model_renderer(chosen_model(model, settings), settings)
    if renderer is None:
        raise CapabilityError("this provider keeps its tokenizer: the mask cannot be shown")
    example = data[numbers.index(row)]
    sequences = rendered(example, renderer, settings.hyperparameters.train_on or "assistant")
    tools = tools_of(example, renderer)
    earlier = renderer.earlier_turns if isinstance(renderer, DeclaresTurns) else None
    if as_json:
        value = {
            "schema_version": 1,
            "row": row,
            "tool_tokens": tools,
            "earlier_turns": earlier,
            "sequences": [
                [{"text": text, "trained": trained} for text, trained in renderer.tokens(one)]
                for one in sequences
            ],
        }
        show("", value, True)
        return
    for one in sequences:
        text = Text()
        for piece, trained in renderer.tokens(one):
            shown = plain(piece)
            if out.is_terminal:
                text.append(shown, style="reverse green" if trained else "dim")
            else:
                text.append(f"[{shown}]" if trained else shown)
        out.print(text)
        out.print(
            f"row {row}: {one.trained} of {len(one.ids)} tokens are trained "
            f"({'green' if out.is_terminal else 'in brackets'})"
        )
    if earlier is not None and (len(sequences) > 1 or earlier == "rewritten"):
        why = {
            "kept": "before a later answer of this row there is something else than was trained",
            "rewritten": "the template rewrites an answer once its turn is over",
        }[earlier]
        out.print(
            f"{why}, so each answer of a row is trained on its own, behind the tokens that it is asked with: "
            f"{len(sequences)} here"
        )
    if tools:
        out.print(f"its tools stand before it: {tools:,} more tokens that are read and not trained")
