"""Labels that the words of their row speak against. Each row is judged by all others; a flag, never a verdict.

Twice: at the second time the rows doubted most are left out, so that wrong labels in number cannot vouch for one another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ftkit.data.learners.naive_bayes import NaiveBayes

_LEFT_OUT = 0.05
_DOUBTED = 0.03  # odds of the label against the likeliest one; see tests/test_check_label_noise.py for what it finds
_CALIBRATED_ON = 150_000  # scores


@dataclass(frozen=True, slots=True)
class Doubt:
    """Row `index` has label `given`; the words speak for `likelier`, by 1 to `odds`."""

    index: int
    given: int
    likelier: int
    odds: float


def doubts(
    rows: Sequence[Sequence[str]], labels: Sequence[int], classes: int
) -> tuple[list[Doubt], float]:
    """(doubted rows, the most doubtful first; share of rows whose label the others' words get right)."""
    first = _scores(rows, labels, classes, frozenset())
    right = sum(max(scores) == scores[label] for scores, label in zip(first, labels, strict=True))
    without = frozenset(doubt.index for doubt in _judged(first, labels, frozenset(), _LEFT_OUT))
    second = _scores(rows, labels, classes, without)
    found = _judged(second, labels, without, _DOUBTED)
    return sorted(found, key=lambda doubt: (doubt.odds, doubt.index)), right / max(1, len(rows))


def _scores(
    rows: Sequence[Sequence[str]], labels: Sequence[int], classes: int, without: frozenset[int]
) -> list[list[float]]:
    model = NaiveBayes(rows, labels, classes, without)
    return [
        model.scores(row, None if index in without else label)
        for index, (row, label) in enumerate(zip(rows, labels, strict=True))
    ]


def _judged(
    scores: Sequence[Sequence[float]], labels: Sequence[int], without: frozenset[int], limit: float
) -> list[Doubt]:
    known = [
        (row, label)
        for index, (row, label) in enumerate(zip(scores, labels, strict=True))
        if index not in without
    ]
    needed = _temperature(known) * -math.log(limit)
    temperature = needed / -math.log(limit)
    found = []
    for index, (row, label) in enumerate(zip(scores, labels, strict=True)):
        best = max(row)
        if best - row[label] > needed:
            odds = math.exp((row[label] - best) / temperature)
            found.append(Doubt(index, label, row.index(best), odds))
    return found


def _temperature(known: Sequence[tuple[Sequence[float], int]]) -> float:
    """What to divide the scores by so that they are honest odds (Guo et al. 2017): words of one text are not independent."""
    if not known:
        return 1.0
    wanted = max(100, _CALIBRATED_ON // len(known[0][0]))
    sample = known[:: max(1, len(known) // wanted)]

    def loss(log_temperature: float) -> float:
        scale = math.exp(-log_temperature)
        return math.fsum(
            (best - row[label]) * scale
            + math.log(math.fsum(math.exp((score - best) * scale) for score in row))
            for row, label in sample
            for best in (max(row),)
        )

    low, high = 0.0, math.log(64)
    golden = (math.sqrt(5) - 1) / 2
    for _ in range(12):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if loss(left) <= loss(right):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)
