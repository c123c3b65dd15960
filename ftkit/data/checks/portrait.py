"""What a data set looks like, taken while it is checked: numbers, and the starts of few rows, masked as findings are.

It is bounded whatever the size of the data, so a report can be kept, pickled and made a page of without the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ftkit import clock
from ftkit.data.checks.labels import names_of
from ftkit.data.checks.masking import excerpt
from ftkit.data.checks.report import Finding
from ftkit.data.checks.spread import Spread, spread_of
from ftkit.data.checks.view import DataView, RowView
from ftkit.data.dataset import Dataset
from ftkit.data.example import Example
from ftkit.data.tasks import asked

EXCERPTS = 3  # rows of a finding that are shown
_FINDINGS = 60  # that rows are shown of
_LABELS = 20
_COLUMNS = 40
_CHARACTERS = 240  # of a prompt or an answer
_NAME = 80  # characters of a label or a column


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The start of one row's prompt and answer, masked; `holds` is what else is in it, such as 2 tools."""

    row: int
    prompt: str
    answer: str
    holds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Portrait:
    """`read` are the columns that became messages, `kept` those beside; of both the first 40, `more_columns` the rest.

    `lengths` are in characters, or in tokens of `model` where its tokenizer is at hand; `limit` is in tokens. `labels` are
    the 20 most frequent answers of a classification with how often each stands; `other_labels` (count, times) the rest.
    """

    name: str
    format: str
    detected: str
    read: tuple[str, ...]
    kept: tuple[str, ...]
    more_columns: int
    sha256: str
    checked_at: str
    model: str | None
    limit: int | None
    lengths: tuple[Spread, ...]
    turns: Spread | None
    labels: tuple[tuple[str, int], ...]
    other_labels: tuple[int, int]
    excerpts: tuple[Excerpt, ...]

    def excerpts_of(self, finding: Finding) -> tuple[Excerpt, ...]:
        """The rows of a finding that are shown."""
        wanted = finding.rows[:EXCERPTS]
        return tuple(one for number in wanted for one in self.excerpts if one.row == number)


def portrait_of(
    data: Dataset, seen: DataView, findings: Sequence[Finding], model: str | None
) -> Portrait:
    """The portrait of the data that `seen` shows, with rows of these findings."""
    labels, other = _labels(seen)
    read, kept = data.layout.mapped, seen.columns
    return Portrait(
        name=data.name,
        format=data.format,
        detected=data.detected,
        read=_names(read),
        kept=_names(kept),
        more_columns=max(0, len(read) - _COLUMNS) + max(0, len(kept) - _COLUMNS),
        sha256=data.sha256,
        checked_at=clock.now().isoformat(timespec="seconds"),
        model=model,
        limit=seen.limit,
        lengths=_lengths(seen.rows),
        turns=spread_of(
            [sum(turn.role != "system" for turn in row.example.messages) for row in seen.rows],
            "turns of a row",
            "turns",
        ),
        labels=labels,
        other_labels=other,
        excerpts=_excerpts(seen.rows, findings),
    )


def _lengths(rows: Sequence[RowView]) -> tuple[Spread, ...]:
    counted = [
        (row.tokens, row.trained)
        for row in rows
        if row.tokens is not None and row.trained is not None
    ]
    if counted:
        found = [
            spread_of([tokens for tokens, _ in counted], "whole row", "tokens"),
            spread_of([max(0, tokens - trained) for tokens, trained in counted], "read", "tokens"),
            spread_of([trained for _, trained in counted], "trained", "tokens"),
        ]
    else:
        found = [
            spread_of([_characters(row.example) for row in rows], "prompt", "characters"),
            spread_of([len(_answer(row.example)) for row in rows], "answer", "characters"),
        ]
    return tuple(spread for spread in found if spread is not None)


def _characters(example: Example) -> int:
    return sum(len(turn.content) for turn in example.prompt)


def _labels(seen: DataView) -> tuple[tuple[tuple[str, int], ...], tuple[int, int]]:
    labels = None if seen.task is None else seen.task.labels
    if labels is None:
        return (), (0, 0)
    counts = Counter(name for names in names_of(labels) for name in names if name)
    first = counts.most_common(_LABELS)
    shown = tuple((excerpt(name, _NAME), count) for name, count in first)
    return shown, (len(counts) - len(first), counts.total() - sum(count for _, count in first))


def _names(columns: Sequence[str]) -> tuple[str, ...]:
    return tuple(excerpt(name, _NAME) for name in columns[:_COLUMNS])


def _excerpts(rows: Sequence[RowView], findings: Sequence[Finding]) -> tuple[Excerpt, ...]:
    wanted = {number for finding in findings[:_FINDINGS] for number in finding.rows[:EXCERPTS]}
    return tuple(
        Excerpt(
            row.number,
            excerpt(asked(row.example), _CHARACTERS),
            excerpt(_answer(row.example), _CHARACTERS),
            tuple(_holds(row.example)),
        )
        for row in rows
        if row.number in wanted
    )


def _answer(example: Example) -> str:
    """The last turn of the assistant; calls as they would be written in a program."""
    last = example.messages[len(example.prompt) : len(example.prompt) + 1]
    calls = [f"{call.name}({call.arguments})" for turn in last for call in turn.tool_calls]
    return "\n".join([*filter(None, (turn.content for turn in last)), *calls])


def _holds(example: Example) -> list[str]:
    counts = {
        "image": sum(len(turn.images) for turn in example.messages),
        "tool": len(example.tools),
        "rejected answer": int(bool(example.rejected)),
        "system message": int(example.system is not None),
    }
    turns = sum(turn.role != "system" for turn in example.messages)
    said = [f"{n} {word}{'' if n == 1 else 's'}" for word, n in counts.items() if n]
    return ([f"{turns} turns"] if turns != 2 else []) + said
