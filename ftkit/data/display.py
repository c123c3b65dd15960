"""How a data set shows itself: a line or two at a prompt, a small table in a notebook.

Rows are a stranger's text: in the table everything is escaped, hidden characters stand as their code points, and nothing is
fetched. Its colours are those of the page around it, so it is readable on light and on dark.
"""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ftkit.data.example import Example, Message
from ftkit.errors import DataError
from ftkit.pages.visible_text import one_line

if TYPE_CHECKING:
    from markupsafe import Markup

    from ftkit.data.dataset import Dataset

_ROWS = 5
_LONGEST = 300  # characters of one turn
_TURNS = 4
_COLUMNS = 5  # names
_STEPS = 5
_WIDEST = 200  # characters of the names

_short = reprlib.Repr()
_short.maxstring = 60

_TABLE = """<div class="ftkit-rows"><style>
.ftkit-rows table {{ border-collapse: collapse }}
.ftkit-rows th, .ftkit-rows td {{ border-bottom: 1px solid rgba(128, 128, 128, .4); padding: .3em .7em; text-align: left;
  vertical-align: top; color: inherit; background: transparent }}
.ftkit-rows td {{ white-space: pre-wrap; overflow-wrap: anywhere; max-width: 45em }}
.ftkit-rows small, .ftkit-rows .hidden-character {{ opacity: .65 }}
.ftkit-rows .hidden-character {{ border: 1px dotted; font-size: .8em }}
</style><p><strong>{head}</strong></p><table><thead><tr><th scope="col">row</th><th scope="col">before the answer</th>
<th scope="col">answer</th></tr></thead><tbody>{rows}</tbody></table><p><small>{foot}</small></p></div>"""
_ROW = (
    '<tr><th scope="row">{number}</th><td dir="auto">{before}</td><td dir="auto">{answer}</td></tr>'
)


def as_text(data: Dataset) -> str:
    """Its size, format, columns and last step, and the first row."""
    head = f"Dataset({data.source!r}, {_size(data)}"
    if data.columns:
        head += f", columns {one_line(_names(data.columns), _WIDEST)}"
    if len(data.provenance.steps) > 1:
        head += f", after {_short.repr(data.provenance.steps[-1])[1:-1]}"
    if not len(data):
        return f"{head})"
    try:
        shown = data[0].messages[:_TURNS]
        turns = " -> ".join(f"{turn.role}: {_short.repr(turn.content)}" for turn in shown)
    except DataError as error:  # a debugger must be able to show it
        turns = error.faults[0].reason
    return f"{head})\n  row {data.rows[0].number}: {turns}"


def as_html(data: Dataset) -> str:
    """A table of the first rows for notebooks."""
    from markupsafe import Markup

    from ftkit.pages.html import visible

    rows = Markup().join(_row(data, position) for position in range(min(_ROWS, len(data))))
    more = len(data) - _ROWS
    foot = [f"and {more:,} more rows"] if more > 0 else []
    if data.columns:
        foot.append(f"columns {_names(data.columns)}")
    foot += data.provenance.steps[1:][-_STEPS:]
    head = visible(f"{data.source}: {_size(data)}")
    return str(Markup(_TABLE).format(head=head, rows=rows, foot=visible("; ".join(foot))))


def _row(data: Dataset, position: int) -> Markup:
    from markupsafe import Markup

    from ftkit.pages.html import visible

    try:
        example = data[position]
    except DataError as error:
        before, answer = error.faults[0].reason, ""
    else:
        before, answer = _turns(example.prompt), _answer(example)
    number = data.rows[position].number
    return Markup(_ROW).format(number=number, before=visible(before), answer=visible(answer))


def _answer(example: Example) -> str:
    last = example.messages[len(example.prompt) :]
    text = "\n".join(_said(turn) for turn in last)
    if example.rejected:
        text += "\nrejected: " + "\n".join(_said(turn) for turn in example.rejected)
    return text


def _turns(turns: Sequence[Message]) -> str:
    """A single question as it is; of a conversation the first turns and the last one, with their roles."""
    if len(turns) == 1 and turns[0].role == "user":
        return _said(turns[0])
    left_out = len(turns) - _TURNS
    shown = [f"{turn.role}: {_said(turn)}" for turn in turns]
    if left_out > 0:
        shown[_TURNS - 1 : -1] = [f"({left_out} more turns)"]
    return "\n".join(shown)


def _said(turn: Message) -> str:
    text = turn.content
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + f"... ({len(text):,} characters)"
    parts = [text, *("(an image)" for _ in turn.images)]
    parts += [f"{call.name}({call.arguments[:_LONGEST]})" for call in turn.tool_calls]
    return "\n".join(part for part in parts if part)


def _size(data: Dataset) -> str:
    return f"{len(data):,} rows, {data.format}"


def _names(columns: Sequence[str]) -> str:
    more = len(columns) - _COLUMNS
    return ", ".join(columns[:_COLUMNS]) + (f" and {more} more" if more > 0 else "")
