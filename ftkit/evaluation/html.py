"""The report as one HTML file: what its template is given. How strangers' texts are kept harmless is in `ftkit.pages`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ftkit.evaluation import charts, wording
from ftkit.evaluation.baselines import question_of
from ftkit.evaluation.report import JudgedRow, Match, Report
from ftkit.evaluation.statistics import Verdict
from ftkit.pages.html import page, write_page
from ftkit.pages.svg import Scale, scale_over
from ftkit.pages.visible_text import one_line

SAMPLES = 4  # rows shown whatever came out
OPEN, FOLDED = 4, 46  # won or lost rows shown at once, and behind a fold

_HEADLINES = {
    (Verdict.BETTER, True): "The tuned model is better than its base",
    (Verdict.WORSE, True): "The tuned model is worse than its base",
    (Verdict.BETTER, False): "The candidate is better than its opponent",
    (Verdict.WORSE, False): "The candidate is worse than its opponent",
}
# (candidate right, opponent right)
_OUTCOMES = {
    (True, True): "both",
    (True, False): "candidate",
    (False, True): "opponent",
    (False, False): "neither",
}


def write_report(
    report: Report, path: Path, metrics: Sequence[Mapping[str, Any]], title: str | None
) -> Path:
    """Write the page and return its path; raises StorageError where that fails."""
    return write_page(render(report, metrics, title), path)


def render(report: Report, metrics: Sequence[Mapping[str, Any]], title: str | None) -> str:
    """The page as text; the same report gives the same bytes."""
    primary = report.matches[0]
    return page(
        "ftkit.evaluation/report.html.j2",
        title=one_line(title or f"{report.candidate} against {report.opponent}", 160),
        titled=title is not None,
        report=report,
        headline=_headline(primary),
        style=str(report.verdict),
        verdict=wording.VERDICTS[report.verdict],
        sentence=report.sentence(primary),
        primary=_match(report, primary, None),
        scores=[_scores(report, metric) for metric in report.metrics],
        differences=[_differences(report, metric, baselines=False) for metric in report.metrics],
        baselines=[
            panel
            for metric in report.metrics
            if (panel := _differences(report, metric, baselines=True))["matches"]
        ],
        outcomes=_outcomes(report, primary),
        curve=charts.loss_curve(metrics),
        validated=any(entry.get("type") == "validation" for entry in metrics),
        samples=[_case(report, row) for row in _evenly(report.rows, SAMPLES)],
        won=_cases(report, report.won(primary)),
        lost=_cases(report, report.lost(primary)),
        corrected=any(match.corrected for match in report.matches),
        provenance=_provenance(report),
    )


def _headline(match: Match) -> str:
    if match.comparison.verdict is Verdict.NOT_ENOUGH_EVIDENCE:
        return "These rows do not show which is better"
    return _HEADLINES[match.comparison.verdict, match.role == "base"]


def _scores(report: Report, metric: str) -> dict[str, Any]:
    """A metric's panel: every contender's mean with its interval, drawn on one scale."""
    info = report.metrics[metric]
    found = [(one, one.estimates[metric]) for one in report.contenders if metric in one.estimates]
    ends = [end for _, estimate in found for end in (estimate.low, estimate.high, estimate.mean)]
    scale = Scale(0.0, 1.0) if info.share else scale_over(ends)
    rows = []
    for one, estimate in found:
        figure = wording.figure(estimate.mean, info.share)
        span = wording.span(estimate.low, estimate.high, info.share)
        bar = charts.score_bar(
            estimate.mean,
            estimate.low,
            estimate.high,
            scale,
            f"{figure}, interval {span}",
            one.role,
        )
        rows.append(
            {"name": one.name, "role": one.role, "figure": figure, "span": span, "bar": bar}
        )
    return {"info": info, "rows": rows}


def _differences(report: Report, metric: str, *, baselines: bool) -> dict[str, Any]:
    """A metric's differences, of models or of baselines, on one scale around 0."""
    info = report.metrics[metric]
    matches = [
        match
        for match in report.matches
        if match.metric == metric and (match.role == "baseline") == baselines
    ]
    ends = [
        end
        for match in matches
        for end in (match.comparison.low, match.comparison.high, match.comparison.difference)
    ]
    scale = scale_over(ends)
    return {
        "info": info,
        "matches": [_match(report, match, scale) for match in matches],
        "axis": charts.difference_axis(scale, info.share),
    }


def _match(report: Report, match: Match, scale: Scale | None) -> dict[str, Any]:
    info, found = report.metrics[match.metric], match.comparison
    low, high = (wording.signed(end, info.share) for end in (found.low, found.high))
    difference = wording.gap(found.difference, info.share)

    def mean(contender: str) -> dict[str, str]:
        estimate = report.contender(contender).estimates[match.metric]
        return {
            "figure": wording.figure(estimate.mean, info.share),
            "span": wording.span(estimate.low, estimate.high, info.share),
        }

    return {
        "match": match,
        "candidate": mean(report.candidate),
        "opponent": mean(match.opponent),
        "style": str(found.verdict),
        "verdict": wording.VERDICTS[found.verdict],
        "difference": difference,
        "low": low,
        "high": high,
        "p": wording.probability(found.p_value),
        "hint": wording.evidence_hint(found),
        "bar": None
        if scale is None
        else charts.difference_bar(
            found.difference,
            found.low,
            found.high,
            scale,
            f"difference {difference}, interval {low} to {high}",
            str(found.verdict),
        ),
    }


def _outcomes(report: Report, match: Match) -> dict[str, int] | None:
    """How many rows both, one or none got right; None for scores that are not right or wrong."""
    if not report.metrics[match.metric].share:
        return None
    counts = dict.fromkeys(_OUTCOMES.values(), 0)
    for row in report.rows:
        scores = row.scores[match.metric]
        counts[_OUTCOMES[scores[report.candidate] == 1, scores[match.opponent] == 1]] += 1
    return counts


def _cases(report: Report, rows: Sequence[JudgedRow]) -> dict[str, Any]:
    shown = [_case(report, row) for row in rows[: OPEN + FOLDED]]
    return {
        "count": len(rows),
        "open": shown[:OPEN],
        "folded": shown[OPEN:],
        "left_out": max(0, len(rows) - OPEN - FOLDED),
    }


def _case(report: Report, row: JudgedRow) -> dict[str, Any]:
    """A row as the page shows it: the question, what was expected, what the candidate and its opponent said."""
    info, scores = report.metrics[report.metric], row.scores[report.metric]
    answers = []
    for contender in (report.opponent, report.candidate):  # before, then after
        score = scores[contender]
        answers.append(
            {
                "name": contender,
                "role": report.contender(contender).role,
                "text": row.answers.get(contender),
                "mark": ("right" if score == 1 else "wrong") if info.share else "scored",
                "score": None if info.share else wording.figure(score, share=False),
            }
        )
    return {
        "number": row.number,
        "question": question_of(row.prompt),
        "conversation": row.prompt if len(row.prompt) > 1 else (),
        "reference": row.reference,
        "answers": answers,
    }


def _evenly(rows: Sequence[JudgedRow], count: int) -> list[JudgedRow]:
    """`count` rows from all over the file: chosen by place, not by outcome."""
    if len(rows) <= count:
        return list(rows)
    return [rows[(2 * index + 1) * len(rows) // (2 * count)] for index in range(count)]


def _provenance(report: Report) -> list[tuple[str, str]]:
    lines = [
        ("held-out rows", f"{report.data}, {wording.rows_word(len(report.rows))}"),
        ("SHA-256 of the rows", report.data_sha256),
        ("evaluated at", report.evaluated_at),
        ("longest answer", f"{report.max_tokens:,} tokens, greedy decoding"),
        ("seed of the resampling", str(report.seed)),
        ("test and interval", report.comparison.method),
    ]
    labels = {
        "base": "base",
        "snapshot": "snapshot",
        "method": "method",
        "rows": "training rows",
        "data_sha256": "SHA-256 of the training rows",
        "job": "job",
    }
    for one in report.contenders:
        record = report.models.get(one.name)
        if record is None:
            continue
        facts = [f"{label} {record[key]}" for key, label in labels.items() if key in record]
        if one.output_tokens:
            facts.append(f"{one.input_tokens:,} tokens in, {one.output_tokens:,} out")
        facts.append(f"{one.seconds:,.1f} s")
        lines.append((one.name, "; ".join(facts)))
    return lines
