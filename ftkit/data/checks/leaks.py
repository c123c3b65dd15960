"""FT308, FT309: questions that stand in the data nearly twice, and rows that are known from the held-out set.

Compared are the turns before the answer, without the system prompt: a question that was trained on proves nothing, whatever
the answers are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from ftkit.data.checks.report import Finding, Severity, Skipped
from ftkit.data.checks.view import DataView, RowView
from ftkit.data.example import digest
from ftkit.data.similarity import (
    TooAlike,
    TooMany,
    near_links,
    near_matches,
    normalised,
    question,
)

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
        yield _not_compared("FT308", error)
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
        mend="keep one of each, or keep them on one side of a split",
    )


def known_from_held_out(data: DataView) -> Iterator[Finding | Skipped]:
    """FT309: rows that stand in the set given as `against=`, as they are or nearly."""
    held = data.against
    if held is None:
        return
    how: dict[int, tuple[str, int]] = {}  # position -> in what way, position there
    prompts = {row.prompt_digest: at for at, row in reversed(list(enumerate(held)))}
    for index, row in enumerate(data.rows):
        if row.prompt_digest in prompts:
            how[index] = "the same question", prompts[row.prompt_digest]
    for index, at in _prefixes(data.rows, held).items():
        how.setdefault(index, ("one conversation goes on where the other ends", at))
    ours, theirs = _questions(data.rows), _questions(held)
    plain = {normalised(text): at for at, text in reversed(list(enumerate(theirs))) if text}
    for index, text in enumerate(ours):
        if text and (same := plain.get(normalised(text))) is not None:
            how.setdefault(index, ("but for case, spaces and punctuation", same))
    left = [None if index in how else text for index, text in enumerate(ours)]
    try:
        for index, at in near_matches(left, theirs).items():
            how[index] = "nearly the same question", at
    except (TooAlike, TooMany) as error:
        yield _not_compared("FT309", error)
    if how:
        yield _leak(data.rows, held, how)


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


def _prefixes(rows: Sequence[RowView], held: Sequence[RowView]) -> dict[int, int]:
    """Rows whose turns, question and answer, are the start of a held-out conversation, or the other way round."""
    found: dict[int, int] = {}
    whole = {digest(row.example.messages): at for at, row in reversed(list(enumerate(held)))}
    for index, row in enumerate(rows):
        for start in _starts(row):
            if start in whole:
                found.setdefault(index, whole[start])
    starts = {start: at for at, row in reversed(list(enumerate(held))) for start in _starts(row)}
    for index, row in enumerate(rows):
        if (at := starts.get(digest(row.example.messages))) is not None:
            found.setdefault(index, at)
    return found


def _starts(row: RowView) -> Iterator[str]:
    """Digests of the conversation up to each answer but the last."""
    turns = row.example.messages
    for end, turn in enumerate(turns[:-1], start=1):
        if turn.role == "assistant":
            yield digest(turns[:end])


def _questions(rows: Sequence[RowView]) -> list[str | None]:
    return [question(row.example) for row in rows]


def _not_compared(code: str, error: TooAlike | TooMany) -> Skipped:
    why = "most questions are made from one template: too many of them share nearly everything"
    return Skipped((code,), "near duplicates", why if isinstance(error, TooAlike) else str(error))
