"""FT2xx: what the model's own tokenizer and template make of a row, and what its provider will only tell later."""

from __future__ import annotations

from collections.abc import Iterator

from ftkit.data.checks.report import Finding, Severity
from ftkit.data.checks.view import DataView, RowView
from ftkit.data.token_estimate import estimated_row

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


def not_certain(data: DataView) -> Iterator[Finding]:
    """FT204: what the provider will make of rows is not certain; one finding for each reason."""
    rows: dict[str, list[int]] = {}
    for row in data.rows:
        for text in row.cautions:
            rows.setdefault(text, []).append(row.number)
    for text, numbers in rows.items():
        yield Finding.on(
            numbers,
            "FT204",
            Severity.INFO,
            text,
            why="the provider tells it only after the run; until then the quote is the most that it should cost",
            mend="nothing has to be mended; know it, and compare afterwards",
        )


def _tokens(row: RowView, exact: bool) -> int:
    if exact:
        return row.tokens or 0
    return round(estimated_row(row.example)[0])
