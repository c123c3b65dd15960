"""FT3xx: how much there is to learn: repetition, contradiction, too few rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ftkit.data.checks.masking import quoted
from ftkit.data.checks.report import Finding, Severity
from ftkit.data.checks.view import DataView, RowView

_FEWEST = 2  # below this no row can be held out
_FEW = 50  # below this a held-out set is too small to show any difference


def duplicates(data: DataView) -> Iterator[Finding]:
    """FT301: the same conversation again."""
    first: dict[str, int] = {}
    repeats = {
        row.number: earlier
        for row in data.rows
        if (earlier := first.setdefault(row.digest, row.number)) != row.number
    }
    if repeats:
        row, earlier = next(iter(repeats.items()))
        yield Finding.on(
            list(repeats),
            "FT301",
            Severity.WARNING,
            "rows repeat an earlier row",
            detail=f"row {row} is the same conversation as row {earlier}",
            why="a repeated row weighs more than it should, and costs each time",
            mend="keep one of each (or `ftkit fix --drop-duplicates`), unless the weight is meant",
        )


def contradictions(data: DataView) -> Iterator[Finding]:
    """FT302: one prompt, several answers; only worth a note where most of the data is made so, unless answers are labels."""
    by_prompt: defaultdict[str, list[RowView]] = defaultdict(list)
    for row in data.rows:
        by_prompt[row.prompt_digest].append(row)
    split = [rows for rows in by_prompt.values() if len({row.digest for row in rows}) > 1]
    if not split:
        return
    numbers = sorted(row.number for rows in split for row in rows)
    labels = data.task is not None and data.task.labels is not None
    most = 2 * len(numbers) > len(data.rows) and not labels
    one = ", ".join(str(row.number) for row in split[0][:5])
    says = ", ".join(sorted({quoted(row.example.answer) for row in split[0]})[:5]) if labels else ""
    yield Finding.on(
        numbers,
        "FT302",
        Severity.INFO if most else Severity.WARNING,
        "the same prompt has different answers",
        detail=f"{len(split):,} prompts; one of them stands in rows {one}"
        + (f" with the labels {says}" if labels else ""),
        why="where only one answer is right the model learns a mixture"
        + ("; here it is most of the data, so it is probably meant" if most else ""),
        mend="decide on one answer, put what tells them apart into the prompt, "
        "or leave them where several answers are right",
    )


def few_rows(data: DataView) -> Iterator[Finding]:
    """FT303: too few rows to learn from, or to show that anything was learned."""
    rows = len(data.rows)
    if rows >= _FEW:
        return
    few = rows < _FEWEST
    yield Finding.on(
        [],
        "FT303",
        Severity.ERROR if few else Severity.WARNING,
        f"there {'is only 1 row' if rows == 1 else f'are only {rows} rows'}",
        why="no row can be held out to measure with"
        if few
        else "so few rows rarely teach a task, and too few remain to show whether they did",
        mend=f"collect at least {_FEW} rows, a few hundred if possible",
    )
