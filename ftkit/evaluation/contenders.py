"""Let one contender answer every row and score what it said.

Answers are greedy (temperature 0, where a model knows one) under one `max_tokens` for all contenders; a row of several
turns is judged on its last answer. A metric that fails names every row it failed on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from ftkit import clock
from ftkit.backend import Score
from ftkit.data import Dataset, Example
from ftkit.errors import DataError, Fault, ProviderError
from ftkit.evaluation.baselines import baseline_answers
from ftkit.evaluation.metrics import Metric, as_number
from ftkit.evaluation.report import Contender, Role
from ftkit.models import Model, Reply

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Performance:
    """What a contender did, row by row; `answers` is empty where no metric needs any."""

    contender: Contender
    answers: Sequence[str]
    scores: Mapping[str, list[float]]


class Allowance:
    """What all answers of an evaluation may still cost, in USD."""

    def __init__(self, limit: Decimal | None, allow_unpriced: bool) -> None:
        self.left = limit
        self.allow_unpriced = allow_unpriced

    def spent(self, usd: Decimal | None) -> None:
        """Take what was spent off; never below 0."""
        if self.left is not None and usd is not None:
            self.left = max(Decimal(0), self.left - usd)


def cost_of(replies: Sequence[Reply]) -> Decimal | None:
    """USD of all answers; None where one has no known price."""
    costs = [reply.cost_usd for reply in replies]
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal(0)) if len(known) == len(costs) else None


def ask(
    name: str,
    role: Role,
    model: Model,
    data: Dataset,
    examples: Sequence[Example],
    metrics: Sequence[Metric],
    max_tokens: int,
    budget: Allowance,
    progress: Progress | None,
) -> Performance:
    """A model's answers, and likelihoods where a metric needs them, each asked for once."""

    def tell(words: str) -> Callable[[int, int], None] | None:
        return None if progress is None else lambda done, total: progress(words, done, total)

    began = clock.monotonic()
    replies: list[Reply] = []
    likelihoods: list[Score] = []
    if any(metric.needs == "answer" for metric in metrics):
        replies = model.map(
            examples,
            max_tokens=max_tokens,
            max_cost_usd=budget.left,
            allow_unpriced=budget.allow_unpriced,
            progress=tell(f"answers of {name}"),
        )
        budget.spent(cost_of(replies))
        _require_all(name, len(replies), len(examples))
    if any(metric.needs == "score" for metric in metrics):
        likelihoods = model.score(examples, progress=tell(f"likelihoods of {name}"))
        _require_all(name, len(likelihoods), len(examples))
    contender = Contender(
        name,
        role,
        {},
        input_tokens=sum(reply.usage.input_tokens for reply in replies),
        output_tokens=sum(reply.usage.output_tokens for reply in replies),
        seconds=clock.monotonic() - began,
        cost_usd=cost_of(replies),
        finish_reasons=dict(sorted(Counter(reply.finish_reason for reply in replies).items())),
    )
    answers = [reply.text for reply in replies]
    scores = {
        metric.name: _score_answers(metric, name, data, examples, answers)
        if metric.needs == "answer"
        else _each_row(metric, name, data, [(score,) for score in likelihoods])
        for metric in metrics
    }
    return Performance(contender, answers, scores)


def baselines(
    train: Dataset, data: Dataset, examples: Sequence[Example], metrics: Sequence[Metric]
) -> list[Performance]:
    """The contenders that are no models, under every metric that judges answers; none where no metric does."""
    judging = [metric for metric in metrics if metric.needs == "answer"]
    if not judging:
        return []
    return [
        Performance(
            Contender(name, "baseline", {}),
            answers,
            {
                metric.name: _score_answers(metric, name, data, examples, answers)
                for metric in judging
            },
        )
        for name, answers in baseline_answers(train, examples).items()
    ]


def _score_answers(
    metric: Metric,
    name: str,
    data: Dataset,
    examples: Sequence[Example],
    answers: Sequence[str],
) -> list[float]:
    arguments = [
        (answer, example.answer, example) for answer, example in zip(answers, examples, strict=True)
    ]
    return _each_row(metric, name, data, arguments)


def _each_row(
    metric: Metric, name: str, data: Dataset, arguments: Sequence[tuple[object, ...]]
) -> list[float]:
    """The number of each row; one DataError for all rows on which the metric raises or gives no number."""
    function = cast("Callable[..., object]", metric.function)
    scores, faults = [], []
    cause: Exception | None = None
    for row, given in zip(data.rows, arguments, strict=True):
        try:
            scores.append(as_number(function(*given)))
        except Exception as error:  # noqa: BLE001 - a user's function may raise anything
            cause = cause or error
            reason = f"{type(error).__name__}: {error}"
            faults.append(Fault(reason, row.number, row.line, row.offset))
    if faults:
        raise DataError(
            f"{data.source}: the metric {metric.name!r} failed on {len(faults)} of {len(arguments)} rows, scoring "
            f"{name}; the first failure is the cause of this error",
            faults,
        ) from cause
    return scores


def _require_all(name: str, answered: int, rows: int) -> None:
    if answered != rows:  # pairing by position would compare different rows
        raise ProviderError(f"{name} answered {answered} of {rows} rows; ask again")
