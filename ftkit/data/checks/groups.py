"""FT310: rows that were made from the same thing (a document, a customer, a conversation), as a column says."""

from __future__ import annotations

from collections.abc import Iterator

from ftkit.data.checks.report import Finding, Severity
from ftkit.data.checks.view import DataView
from ftkit.data.splitting.shared_columns import Shared, columns_of, shared

_MANY = 0.1  # of the rows


def rows_of_one_thing(data: DataView) -> Iterator[Finding]:
    """FT310: with the held-out set given, only columns whose values stand on both sides."""
    held = data.against or ()
    rows = [*data.rows, *held]
    names = data.columns
    columns = columns_of([row.example for row in rows], names)
    found = shared(
        columns, [row.prompt_digest for row in rows], [row.example.answer for row in rows]
    )
    size = len(data.rows)
    for one in found:
        keys = columns[one.column]
        if data.against is not None:
            yield from _crossing(data, one, [keys[at] for at in range(size)], set(keys[size:]))
            continue
        yield Finding.on(
            [data.rows[at].number for at in one.rows],
            "FT310",
            Severity.WARNING if len(one.rows) >= _MANY * size else Severity.INFO,
            f"rows share values of {one.column!r}",
            detail=f"{one.values:,} values stand in several rows",
            why="rows from one source know each other: held out beside one that was trained on, a row proves less than it "
            "seems",
            mend=f"split with data.split(group_by={one.column!r})",
        )


def _crossing(
    data: DataView, one: Shared, ours: list[object], theirs: set[object]
) -> Iterator[Finding]:
    both = [at for at, key in enumerate(ours) if key is not None and key in theirs]
    if both:
        yield Finding.on(
            [data.rows[at].number for at in both],
            "FT310",
            Severity.WARNING,
            f"rows share values of {one.column!r} with held-out rows",
            detail=f"{len({ours[at] for at in both}):,} values stand on both sides",
            why="rows from one source know each other: held out beside one that was trained on, a row proves less than it "
            "seems",
            mend=f"split all rows again with data.split(group_by={one.column!r})",
        )
