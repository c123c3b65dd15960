"""FT6xx: notes on what the data set holds beside the answers. None of them is a fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ftkit.data.checks.masking import quoted
from ftkit.data.checks.report import Finding, Severity
from ftkit.data.checks.view import DataView

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
