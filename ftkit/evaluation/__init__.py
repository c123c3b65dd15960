"""The evaluation room: models answer the same held-out rows, and what comes out is a verdict with its interval.

`evaluate` asks and scores (runner, metrics, baselines, held_out), `statistics` and its neighbours judge, `Report` carries
the result to a terminal, to JSON or to one HTML file. Nothing here trains, and no row that was trained on comes in.
"""

from __future__ import annotations

from ftkit.evaluation.metrics import METRICS, AnswerMetric, Metric
from ftkit.evaluation.report import Contender, Estimate, JudgedRow, Match, Report
from ftkit.evaluation.runner import evaluate
from ftkit.evaluation.statistics import Comparison, Interval, Verdict

__all__ = [
    "METRICS",
    "AnswerMetric",
    "Comparison",
    "Contender",
    "Estimate",
    "Interval",
    "JudgedRow",
    "Match",
    "Metric",
    "Report",
    "Verdict",
    "evaluate",
]
