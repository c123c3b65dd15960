"""Rows that may carry a verdict: each has a question and an answer, and none was trained or validated on.

Raises one DataError that names every row; what is odd but fair becomes a note in the report.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from ftkit.data import Dataset, Example
from ftkit.data.example import digest
from ftkit.data.known import known_rows
from ftkit.errors import DataError, Fault
from ftkit.evaluation.metrics import Metric
from ftkit.models import Model

SHOWN = 10  # row numbers in a note


def usable_rows(data: Dataset, metrics: Sequence[Metric]) -> list[Example]:
    """The rows as Examples; raises DataError where there are none, or a row cannot be judged by these metrics."""
    examples = list(data)
    if not examples:
        raise DataError(f"{data.source}: there are no rows to evaluate on")
    faults = []
    for row, example in zip(data.rows, examples, strict=True):
        faults += [
            Fault(reason, row.number, row.line, row.offset) for reason in _reasons(example, metrics)
        ]
    if faults:
        raise DataError(f"{data.source}: {_count(faults)} not fit to be judged", faults)
    return examples


def refuse_rows_seen_in_training(data: Dataset, models: Sequence[Model]) -> None:
    """Raise DataError where a model's record says that it was trained or validated on exactly this data set."""
    for model in models:
        for used, sha256 in (
            ("trained", model.record.data_sha256),
            ("validated during training", model.record.validation_sha256),
        ):
            if sha256 is not None and sha256 == data.sha256:
                raise DataError(
                    f"{data.source}: {model.id} was {used} on exactly these rows (SHA-256 {sha256[:12]}), so "
                    f"its answers to them show nothing; evaluate on rows kept apart, for example from "
                    f"Dataset.split"
                )


def refuse_rows_of(train: Dataset, data: Dataset, examples: Sequence[Example]) -> list[str]:
    """Raise DataError naming held-out rows that stand in the training rows as well; else notes on shared questions, also on
    those that are nearly the same.

    System messages do not count: the same question and answer under another system prompt is still known.
    """
    answers: dict[str, int] = {}
    questions: dict[str, int] = {}
    for row, example in zip(train.rows, train, strict=True):
        answers.setdefault(_turns(example, with_answer=True), row.number)
        questions.setdefault(_turns(example, with_answer=False), row.number)
    faults, shared = [], []
    for row, example in zip(data.rows, examples, strict=True):
        twin = answers.get(_turns(example, with_answer=True))
        if twin is not None:
            reason = f"is also training row {twin} of {train.source}"
            faults.append(Fault(reason, row.number, row.line, row.offset))
        elif _turns(example, with_answer=False) in questions:
            shared.append(row.number)
    if faults:
        raise DataError(
            f"{data.source}: {_count(faults)} also in the training rows; remove them, or split with "
            f"Dataset.split, which keeps them apart",
            faults,
        )
    notes = _nearly_known(train, data, examples, set(shared))
    if shared:
        which = numbered(shared)
        notes.insert(
            0, f"held-out {which}: the question is also in the training rows, with another answer"
        )
    return notes


def prompt_clusters(examples: Sequence[Example]) -> list[str] | None:
    """A name for each row's prompt, or None where all differ: equal prompts get equal answers, which count once."""
    names = [digest(example.prompt) for example in examples]
    return names if len(set(names)) < len(names) else None


def numbered(rows: Iterable[int]) -> str:
    """`row 3`, `rows 3, 4 and 17`, `rows 1, 2, ... (240 rows)`."""
    given = list(rows)
    words = [f"{number:,}" for number in given[:SHOWN]]
    if len(given) == 1:
        return f"row {words[0]}"
    if len(given) > SHOWN:
        return f"rows {', '.join(words)}, ... ({len(given):,} rows)"
    return f"rows {', '.join(words[:-1])} and {words[-1]}"


def _reasons(example: Example, metrics: Sequence[Metric]) -> Iterable[str]:
    if not any(message.role == "assistant" for message in example.messages):
        yield "has no assistant message to compare an answer with"
        return
    if not example.prompt:
        yield "has no question before its answer"
    for metric in metrics:
        if metric.needs == "score" and example.messages[-1].role != "assistant":
            yield f"does not end in an answer, which {metric.name} needs"
        if metric.check_reference is not None:
            try:
                metric.check_reference(example.answer)
            except ValueError as error:
                yield f"{metric.name}: {error}"


def _nearly_known(
    train: Dataset, data: Dataset, examples: Sequence[Example], shared: Collection[int]
) -> list[str]:
    """Rows that FT309 would find and that are not noted already."""
    known = known_rows(examples, train)
    numbers = [row.number for row in data.rows]
    ways: defaultdict[str, list[int]] = defaultdict(list)
    for at, (way, _) in sorted(known.how.items()):
        if numbers[at] not in shared:
            ways[way].append(numbers[at])
    notes = []
    if ways:
        told = "; ".join(f"{way}: {len(rows):,} ({numbered(rows)})" for way, rows in ways.items())
        notes.append(
            f"{sum(map(len, ways.values())):,} of {len(data):,} held-out rows are nearly known from the training rows, "
            f"which makes scores better than they are: {told}"
        )
    if known.not_searched:
        notes.append(f"near duplicates of training rows were not looked for: {known.not_searched}")
    return notes


def _turns(example: Example, *, with_answer: bool) -> str:
    messages = example.messages if with_answer else example.prompt
    return digest([message for message in messages if message.role != "system"])


def _count(faults: Sequence[Fault]) -> str:
    rows = len({fault.row for fault in faults})
    return "1 row is" if rows == 1 else f"{rows:,} rows are"
