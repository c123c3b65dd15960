"""FT6xx: notes on what the data set holds beside the answers. None of them is a fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ftkit.data.checks.masking import quoted
from ftkit.data.checks.report import Finding, Severity
from ftkit.data.checks.view import DataView
from ftkit.data.example import Example
from ftkit.data.formats import separators

_SHOWN = 20


def extra_columns(data: DataView) -> Iterator[Finding]:
    """FT601: columns that are carried along, but not learned."""
    if data.columns:
        more = len(data.columns) - _SHOWN
        yield Finding.on(
            [],
            "FT601",
            Severity.INFO,
            f"columns are kept but not trained on: {', '.join(map(quoted, data.columns[:_SHOWN]))}"
            + (f" and {more:,} more" if more > 0 else ""),
            why="the model never sees them; they serve to group a split and to read reports",
            mend="nothing to do, unless one of them belongs into the prompt",
        )


def system_prompts(data: DataView) -> Iterator[Finding]:
    """FT602: not every row has the same system prompt."""
    counts = Counter(row.example.system for row in data.rows)
    if len(counts) < 2:
        return
    usual, rows_with_it = counts.most_common(1)[0]
    without = f", none in {counts[None]:,} rows" if None in counts else ""
    different = len(counts) - (None in counts)
    yield Finding.on(
        [row.number for row in data.rows if row.example.system != usual],
        "FT602",
        Severity.INFO,
        "system prompts differ between rows",
        detail=f"{different:,} different ones{without}; the most common choice, "
        f"{'no system prompt' if usual is None else 'one system prompt'}, in {rows_with_it:,} rows; "
        "the rows named have another",
        why="a tuned model answers best under the system prompt it was trained with",
        mend="use one system prompt (system= adds it where none is), or keep them if they are meant",
    )


def old_separators(data: DataView) -> Iterator[Finding]:
    """FT605: nearly all prompts, or completions, end in what models without turns needed."""
    pairs = [_pair(row.example) for row in data.rows]
    found = separators(pair for pair in pairs if pair is not None)
    if None in pairs or not found:
        return
    yield Finding.on(
        [],
        "FT605",
        Severity.INFO,
        "prompts and completions end in separators",
        detail=f"in nearly all rows: {found}",
        why="models of today mark turns themselves; a separator is learned as text, and the model then answers best only "
        "where each question is sent with it, and gives it in its answers",
        mend="load prompts and completions with strip_separators=True (--strip-separators), or keep them and send them with "
        "every question in use",
    )


def _pair(example: Example) -> tuple[str, str] | None:
    """The question and the answer of a row that has one of each, and nothing but text."""
    turns = [turn for turn in example.messages if turn.role != "system"]
    if [turn.role for turn in turns] != ["user", "assistant"] or any(turn.parts for turn in turns):
        return None
    return turns[0].content, turns[1].content
