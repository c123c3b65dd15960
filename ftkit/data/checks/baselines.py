"""FT805: what answers without a language model score on an inner hold-out: if that is enough, no tuning is needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ftkit.data.checks.report import Finding, Severity
from ftkit.data.checks.view import DataView, RowView
from ftkit.data.learners import Logistic, NaiveBayes, can_be_trained, features, most_words
from ftkit.data.likeness.ngrams import NearestIndex
from ftkit.data.tasks import Task, TaskKind, asked, label_key
from ftkit.data.tasks.fields import parsed_json

_FEWEST = 50  # rows
_MOST_KNOWN, _MOST_HELD_OUT = 10_000, 1_000
_EVERY = 5  # one prompt in five is held out
_COMPARED = 600  # characters of a prompt for the nearest row


def baseline_scores(data: DataView) -> Iterator[Finding]:
    """FT805: the most frequent answer, the nearest row's, naive Bayes and logistic regression of words."""
    task = data.task
    if task is None or len(data.rows) < _FEWEST:
        return
    if task.labels is None and task.kind is not TaskKind.EXTRACTION:
        return  # equal texts say nothing about texts
    if task.labels is not None and len(task.labels.labels) < 2:
        return
    known, held_out, answers = _inner_split(data.rows, task)
    if len(held_out) < 10 or len(known) < 10:
        return
    scores = dict(_scores(known, held_out, answers, words=task.labels is not None))
    several = task.labels is not None and task.labels.several
    what = (
        "records wholly right"
        if task.labels is None
        else "sets of labels right"
        if several
        else "right"
    )
    lines = [f"{name}: {right / len(held_out):.1%} {what}" for name, right in scores.items()]
    if task.labels is not None and not can_be_trained():
        lines.append("logistic regression of words (TF-IDF): did not run, numpy is not installed")
    name = max(scores, key=lambda name: scores[name])
    yield Finding.on(
        [],
        "FT805",
        Severity.INFO,
        f"without a language model {scores[name] / len(held_out):.1%} of answers are {what}",
        detail="\n".join(
            [f"learned from {len(known):,} rows, judged on {len(held_out):,} others:", *lines]
        ),
        why="a tuned model has to beat these to be worth anything; if they hit your target, no tuning is needed. "
        "A nearest row that scores far above what you would think fair means near-copies in the data",
        mend="compare the target with these scores before anything is paid for",
        figures=[(name, right / len(held_out)) for name, right in scores.items()],
    )


def _inner_split(
    rows: Sequence[RowView], task: Task
) -> tuple[list[RowView], list[RowView], dict[int, str]]:
    """Equal prompts stay on one side; the side depends on content alone, not on order."""
    labels = task.labels
    answers = {
        row.number: _comparable(row.example.answer)
        if labels is None
        else label_key(labels.of_row[i])
        for i, row in enumerate(rows)
    }
    # by hash, since files are often sorted by label
    shuffled = sorted(rows, key=lambda row: (row.prompt_digest, row.number))
    prompts = dict.fromkeys(row.prompt_digest for row in shuffled)
    first = set(list(prompts)[: len(prompts) // _EVERY])
    held_out = [row for row in shuffled if row.prompt_digest in first]
    known = [row for row in shuffled if row.prompt_digest not in first]
    return known[:_MOST_KNOWN], held_out[:_MOST_HELD_OUT], answers


def _comparable(answer: str) -> str:
    is_json, value = parsed_json(answer)
    return repr(_sorted(value)) if is_json else " ".join(answer.split())


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return sorted((key, repr(_sorted(item))) for key, item in value.items())
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def _scores(
    known: Sequence[RowView], held_out: Sequence[RowView], answers: dict[int, str], *, words: bool
) -> Iterator[tuple[str, int]]:
    right = [answers[row.number] for row in held_out]
    given = [answers[row.number] for row in known]
    (majority, _), *_ = Counter(given).most_common(1)
    yield "the most frequent answer", right.count(majority)
    index = NearestIndex([asked(row.example)[:_COMPARED] for row in known])
    nearest = [given[index.nearest(asked(row.example)[:_COMPARED])[0]] for row in held_out]
    yield "the answer of the nearest row (5-grams)", _equal(nearest, right)
    if not words:
        return
    labels = sorted(set(given))
    if len(labels) < 2:
        return
    number = {label: i for i, label in enumerate(labels)}
    most = most_words(len(known))
    seen = [features(asked(row.example), most) for row in known]
    asked_now = [features(asked(row.example), most) for row in held_out]
    numbers = [number[label] for label in given]
    bayes = NaiveBayes(seen, numbers, len(labels))
    yield "naive Bayes of words", _equal([labels[bayes.best(row)] for row in asked_now], right)
    if can_be_trained():
        model = Logistic(seen, numbers, len(labels))
        found = [labels[model.best(row)] for row in asked_now]
        yield "logistic regression of words (TF-IDF)", _equal(found, right)


def _equal(answers: Sequence[str], right: Sequence[str]) -> int:
    return sum(a == b for a, b in zip(answers, right, strict=True))
