"""FT801: the answer stands in the prompt: as a leak, or because the task is to copy it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ftkit.data.checks.report import Finding, Severity
from ftkit.data.checks.view import DataView
from ftkit.data.tasks import LabelSet, TaskKind, asked, label_key, last_asked

_OFTEN = 0.3  # share of rows with their own label in the prompt from which on that is no accident
_SURE = 0.9  # share of rows with any label in the prompt where it is the right one
_COPYING = 0.5
_FEW = 0.2
_LONG = 8  # words of an answer that stands in a prompt by no accident
_LOOKED_AT = 20_000  # characters of a prompt
_EDGES = ".,;:!?\"'`()[]{}<>*=/"


def answer_in_the_prompt(data: DataView) -> Iterator[Finding]:
    """FT801: verbatim answers; an info where copying is the task, a warning where it looks like a leak."""
    task = data.task
    if task is None:
        return
    if task.labels is not None:
        if not task.labels.several:
            yield from _label_leaks(data, task.labels)
    elif task.kind in (TaskKind.GENERATION, TaskKind.REASONING, TaskKind.CONVERSATION):
        yield from _copied_texts(data, task.kind)


def _label_leaks(data: DataView, labels: LabelSet) -> Iterator[Finding]:
    keys = {key for key in map(label_key, labels.labels) if len(key) > 2 and not key.isdigit()}
    lengths = sorted({len(key.split()) for key in keys})
    with_own: list[int] = []
    with_any = 0
    for row, label in zip(data.rows, labels.of_row, strict=True):
        named = _named(asked(row.example)[:_LOOKED_AT], keys, lengths)
        with_any += bool(named)
        # more than one label is a list to choose from, or talk about them
        if named == {label_key(label)}:
            with_own.append(row.number)
    if not with_own or len(with_own) < _OFTEN * len(data.rows) or len(with_own) < _SURE * with_any:
        return
    yield Finding.on(
        with_own,
        "FT801",
        Severity.WARNING,
        f"the label stands in the prompt in {len(with_own) / len(data.rows):.0%} of the rows",
        detail=f"of {with_any:,} prompts that name a label, {len(with_own) / with_any:.0%} name the right one alone",
        why="the model learns to copy it: if it is not there in use, the score on held-out rows is far too high; "
        "if it is, a search for the word does the same without a model",
        mend="take the field that holds the label out of the prompt, or search for the word",
    )


def _named(text: str, keys: set[str], lengths: Sequence[int]) -> set[str]:
    """The labels in a text, word by word: one pattern of a thousand labels would take seconds a row."""
    words = [word.strip(_EDGES) for word in re.sub(r"[-_\s]+", " ", text.casefold()).split()]
    return {
        run
        for length in lengths
        for start in range(len(words) - length + 1)
        if (run := " ".join(words[start : start + length])) in keys
    }


def _copied_texts(data: DataView, kind: TaskKind) -> Iterator[Finding]:
    copied: list[int] = []
    long: list[int] = []
    for row in data.rows:
        answer = _plain(row.example.answer)
        prompt = _plain(asked(row.example)[:_LOOKED_AT])
        if len(answer) < 3 or answer not in prompt:
            continue
        copied.append(row.number)
        unchanged = 2 * len(answer) > len(
            _plain(last_asked(row.example))
        )  # a text that needed no mending
        if len(answer.split()) >= _LONG and not unchanged:
            long.append(row.number)
    share = len(copied) / len(data.rows)
    if kind is TaskKind.GENERATION and share >= _COPYING:
        yield Finding.on(
            [],
            "FT801",
            Severity.INFO,
            f"{share:.0%} of the answers are copied from their prompt: the task is to find a span",
            why="what has to be known stands in the prompt, so no fact has to be learned; an exact comparison judges "
            "such answers, no other model is needed for that",
            mend="nothing, unless the prompt in use does not hold the answer: then this is a leak",
        )
    elif long and len(long) < _FEW * len(data.rows):
        yield Finding.on(
            long,
            "FT801",
            Severity.WARNING,
            "a whole answer stands in its prompt, in few rows",
            why="where the prompt in use does not hold the answer, these rows teach copying, "
            "and their score on held-out rows is too high",
            mend="take the answer out of these prompts, or leave the rows where copying is right",
        )


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
