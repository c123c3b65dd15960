"""`ftkit check`: what is wrong with a data set, for one model; `--show-mask` prints what is trained in a row."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

import ftkit
from ftkit.cli.exit_codes import GATE_NOT_MET
from ftkit.cli.options import Data, Json, ModelOption, with_load_options
from ftkit.cli.terminal import out, plain, show
from ftkit.errors import CapabilityError, NotFound


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
    json: Json = False,
) -> None:
    """Judge a data set: findings with row numbers and a way to mend. Exit code 5 when one is an error."""
    if show_mask is not None:
        _mask(ftkit.load(data, **load_options), show_mask, model, json)
        return
    report = ftkit.check(data, model, against=against, **load_options)
    show(str(report), report.to_dict(), json)
    if not report.ok:
        raise typer.Exit(GATE_NOT_MET)


def _mask(data: Any, row: int, model: str | None, as_json: bool) -> None:
    from ftkit import config
    from ftkit.cost import chosen_model, model_renderer
    from ftkit.data.tokens import rendered, tools_of

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
    if as_json:
        value = {
            "schema_version": 1,
            "row": row,
            "tool_tokens": tools,
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
    if tools:
        out.print(f"its tools stand before it: {tools:,} more tokens that are read and not trained")
