"""Is the candidate better than its opponent on the same held-out rows, or do the rows not say?

The one face of the statistics: intervals, tests and row counts are re-exported from the modules
that hold them. A verdict needs both a test and an interval; all else is "not enough evidence".
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from ftkit.evaluation.intervals import (
    Interval,
    bootstrap_interval,
    paired_proportion_interval,
    wilson,
)
from ftkit.evaluation.power import minimum_detectable, rows_needed
from ftkit.evaluation.significance import holm, mcnemar, sign_flip_p

__all__ = [
    "Comparison",
    "Interval",
    "Verdict",
    "adjusted",
    "bootstrap_interval",
    "compare_paired",
    "holm",
    "mcnemar",
    "minimum_detectable",
    "paired_proportion_interval",
    "rows_needed",
    "sign_flip_p",
    "wilson",
]


class Verdict(StrEnum):
    BETTER = "better"
    WORSE = "worse"
    NOT_ENOUGH_EVIDENCE = "not_enough_evidence"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Candidate against opponent on the same rows.

    `difference`, `low` and `high` are candidate minus opponent in the metric's own unit, so a good
    one is negative where lower is better; `wins`, `losses` and `ties` count rows and already know
    which way is better. `rows_needed` is how many rows would show this difference with 80% power,
    were it the true one: a plan for the next hold-out, and None when the difference is 0.
    """

    verdict: Verdict
    difference: float
    low: float
    high: float
    p_value: float
    rows: int
    wins: int
    losses: int
    ties: int
    rows_needed: int | None
    method: str


def compare_paired(
    candidate: Sequence[float],
    opponent: Sequence[float],
    *,
    clusters: Sequence[object] | None = None,
    higher_is_better: bool = True,
    confidence: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Compare per-row scores, row i of one with row i of the other.

    Scores that are all 0 or 1 get McNemar's exact test and Tango's interval; others, and rows in
    clusters (`clusters[i]` names the source of row i, None a row of its own), the sign-flip test
    and the bootstrap. BETTER or WORSE only if p < 1 - confidence and the interval excludes 0.
    Raises ValueError when lengths differ, no rows are given or a score is not finite.
    """
    _check_scores(candidate, opponent)
    rows = len(candidate)
    differences = [
        float(ours) - float(theirs) for ours, theirs in zip(candidate, opponent, strict=True)
    ]
    positive, negative = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
    binary = all(score in (0, 1) for scores in (candidate, opponent) for score in scores)
    # Where every row is its own cluster there are none, and right/wrong keeps its exact test.
    if clusters is not None and len(clusters) == rows == _distinct(clusters):
        clusters = None

    # Tango's interval depends on the ties' number, not on how many of them were right.
    ties = rows - positive - negative
    tango = paired_proportion_interval(0, positive, negative, ties, confidence)
    if binary and clusters is None:
        p_value, interval = mcnemar(positive, negative), tango
        method = "exact McNemar test, Tango interval"
    else:
        p_value = sign_flip_p(differences, clusters, seed=seed)
        interval = bootstrap_interval(differences, clusters, confidence, seed=seed)
        method = "sign-flip test, bootstrap-t interval"
        if binary:  # rows that depend on one another say no more than as many independent ones
            interval = Interval(min(interval.low, tango.low), max(interval.high, tango.high))
        if clusters is not None:
            method += f", {_distinct(clusters)} clusters"

    return Comparison(
        verdict=_verdict(p_value, interval, higher_is_better, confidence),
        difference=math.fsum(differences) / rows,
        low=interval.low,
        high=interval.high,
        p_value=p_value,
        rows=rows,
        wins=positive if higher_is_better else negative,
        losses=negative if higher_is_better else positive,
        ties=ties,
        rows_needed=rows_needed(differences, clusters=clusters, alpha=1 - confidence),
        method=method,
    )


def adjusted(comparisons: Sequence[Comparison], confidence: float = 0.95) -> list[Comparison]:
    """The same comparisons with Holm's p values, for several candidates on one hold-out.

    A verdict can only be withdrawn. `confidence` is that of the comparisons; intervals stay as
    they are, each for its own comparison.
    """
    corrected = holm([comparison.p_value for comparison in comparisons])
    return [
        replace(
            comparison,
            p_value=p_value,
            verdict=comparison.verdict if p_value < 1 - confidence else Verdict.NOT_ENOUGH_EVIDENCE,
        )
        for comparison, p_value in zip(comparisons, corrected, strict=True)
    ]


def _verdict(
    p_value: float, interval: Interval, higher_is_better: bool, confidence: float
) -> Verdict:
    if p_value >= 1 - confidence or interval.low <= 0 <= interval.high:
        return Verdict.NOT_ENOUGH_EVIDENCE
    return Verdict.BETTER if (interval.low > 0) == higher_is_better else Verdict.WORSE


def _distinct(clusters: Sequence[object]) -> int:
    return len({cluster for cluster in clusters if cluster is not None}) + sum(
        cluster is None for cluster in clusters
    )


def _check_scores(candidate: Sequence[float], opponent: Sequence[float]) -> None:
    if len(candidate) != len(opponent):
        raise ValueError(
            f"{len(candidate)} candidate scores and {len(opponent)} opponent scores: "
            f"row {min(len(candidate), len(opponent))} (counted from 0) has only one"
        )
    if not candidate:
        raise ValueError("no rows to compare: both score lists are empty")
    for name, scores in (("candidate", candidate), ("opponent", opponent)):
        for row, score in enumerate(scores):
            if not math.isfinite(score):
                raise ValueError(f"the {name} score of row {row} (counted from 0) is {score}")
