"""FT2xx: what the model's own tokenizer and template make of a row."""

from __future__ import annotations

from collections.abc import Iterator

from ftkit.data.checks.report import Finding, Severity
from ftkit.data.checks.view import DataView, RowView

_BYTES_PER_TOKEN = 4  # a common average for English; only for an estimate that says it is one
_QUOTED = 3


def too_long(data: DataView) -> Iterator[Finding]:
    """FT201: more tokens than the model takes; estimated, and then a warning, where no renderer counts them."""
    if data.limit is None:
        return
    exact = data.renderer is not None
    lengths = {row.number: _tokens(row, exact) for row in data.rows}
    rows = [number for number, tokens in lengths.items() if tokens > data.limit]
    if rows:
        longest = max(rows, key=lambda number: lengths[number])
        about = "" if exact else "about "
        yield Finding.on(
            rows,
            "FT201",
            Severity.ERROR if exact else Severity.WARNING,
            f"rows are longer than {data.limit:,} tokens" + ("" if exact else ", by an estimate"),
            detail=f"the longest is row {longest} with {about}{lengths[longest]:,} tokens",
            why="what does not fit is cut off, usually the answer that should be learned",
            mend="shorten or split these rows, or raise max_length if the model takes more",
        )


def nothing_trained(data: DataView) -> Iterator[Finding]:
    """FT202: not one token of the row is learned."""
    rows = [row.number for row in data.rows if row.trained == 0]
    if rows:
        yield Finding.on(
            rows,
            "FT202",
            Severity.ERROR,
            "rows have no token to learn",
            why="the row costs time and money and teaches nothing; its loss is not even defined",
            mend="end the row with an answer of the assistant",
        )


def refused_by_renderer(data: DataView) -> Iterator[Finding]:
    """FT203: the model's template does not take the row."""
    refused = [row for row in data.rows if row.refusal is not None]
    if refused:
        yield Finding.on(
            [row.number for row in refused],
            "FT203",
            Severity.ERROR,
            "the model's chat template refuses rows",
            detail="\n".join(f"row {row.number}: {row.refusal}" for row in refused[:_QUOTED]),
            why="these rows cannot be turned into tokens, so training would stop at them",
            mend="change the rows as the message says, or choose a model that takes them",
        )


def _tokens(row: RowView, exact: bool) -> int:
    if exact:
        return row.tokens or 0
    written = sum(len(text.encode("utf-8")) for text in row.example.texts)
    return written // _BYTES_PER_TOKEN
