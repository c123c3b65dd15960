"""FT308, FT309: questions that stand in the data nearly twice, and rows that are known from the held-out set.

Compared are the turns before the answer, without the system prompt: a question that was trained on proves nothing, whatever
the answers are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from ftkit.data.checks.report import Finding, Severity, Skipped
from ftkit.data.checks.view import DataView, RowView
from ftkit.data.known import known_rows, why_not_searched
from ftkit.data.likeness.near import TooAlike, TooMany, near_links, normalised, question

_MANY = 0.5  # of the rows: the questions are made from a template


def near_duplicates(data: DataView) -> Iterator[Finding | Skipped]:
    """FT308: another question with only a few characters changed; equal ones are FT301 and FT302."""
    first: dict[str, int] = {}
    for index, row in enumerate(data.rows):
        first.setdefault(row.prompt_digest, index)
    rows = [data.rows[index] for index in first.values()]  # each question once
    texts = [question(row.example) for row in rows]
    links = [*_equal_links(texts)]
    try:
        links += near_links(texts)
    except (TooAlike, TooMany) as error:  # what was found until then stands
        yield _skipped("FT308", why_not_searched(error))
    numbers = sorted({rows[index].number for link in links for index in link})
    if not numbers:
        return
    one, other = sorted(rows[index].number for index in links[0])
    many = len(numbers) > _MANY * len(data.rows)
    yield Finding.on(
        numbers,
        "FT308",
        Severity.INFO if many else Severity.WARNING,
        "questions are nearly the same",
        detail=f"row {one} and row {other}, for one",
        why="they weigh more than they should, and one of them held out proves nothing when the other is trained on"
        + ("; here most rows are so, so they are probably made from a template" if many else ""),
        mend="keep one of each; data.split() keeps them on one side",
    )


def known_from_held_out(data: DataView) -> Iterator[Finding | Skipped]:
    """FT309: rows that stand in the set given as `against=`, as they are or nearly."""
    held = data.against
    if held is None:
        return
    known = known_rows([row.example for row in data.rows], [row.example for row in held])
    if known.not_searched:
        yield _skipped("FT309", known.not_searched)
    if known.how:
        yield _leak(data.rows, held, known.how)


def _leak(
    rows: Sequence[RowView], held: Sequence[RowView], how: dict[int, tuple[str, int]]
) -> Finding:
    ways: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for index in sorted(how):
        way, at = how[index]
        ways[way].append((rows[index].number, held[at].number))
    detail = "\n".join(
        f"{way}: {len(found):,}, such as row {found[0][0]} and held-out row {found[0][1]}"
        for way, found in ways.items()
    )
    return Finding.on(
        [rows[index].number for index in sorted(how)],
        "FT309",
        Severity.ERROR,
        "rows are known from the held-out set",
        detail=detail,
        why="a held-out row whose question was trained on proves nothing: scores come out better than they are",
        mend="remove these rows from the training set, or split all rows again with data.split()",
    )


def _equal_links(texts: Sequence[str | None]) -> Iterator[tuple[int, int]]:
    first: dict[str, int] = {}
    for index, text in enumerate(texts):
        if text and (same := first.setdefault(normalised(text), index)) != index:
            yield same, index


def _skipped(code: str, why: str) -> Skipped:
    return Skipped((code,), "near duplicates", why)
