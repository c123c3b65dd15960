"""Rules of checks as somebody else would write them: a good one, and some that go wrong in their own way."""

from __future__ import annotations

from collections.abc import Iterator

from ftkit.types import DataView, Finding, Severity, check_rule


@check_rule("HOUSE001")
def shouting(data: DataView) -> Iterator[Finding]:
    """Answers in capitals only."""
    rows = [row.number for row in data.rows if row.example.answer.isupper()]
    if rows:
        yield Finding.on(
            rows,
            "HOUSE001",
            Severity.ERROR,
            "answers shout",
            why="our users are not deaf",
            mend="write them in small letters",
        )


@check_rule("HOUSE002")
def stumbling(data: DataView) -> Iterator[Finding]:
    """Finds one thing and falls over the next."""
    yield Finding.on([1], "HOUSE002", Severity.INFO, "found before the fall", why="w", mend="m")
    raise KeyError("no such column")


@check_rule("HOUSE003")
def foreign_code(data: DataView) -> Iterator[Finding]:
    """Gives a finding under a code of ftkit."""
    yield Finding.on([1], "FT102", Severity.ERROR, "not ours", why="w", mend="m")


@check_rule("HOUSE004")
def words(data: DataView) -> Iterator[Finding]:
    """Gives no finding but a text."""
    yield "row 1 is bad"  # type: ignore[misc]


def plain(data: DataView) -> Iterator[Finding]:
    """Has no code."""
    return iter(())
