"""Figures and verdicts in words: the same sentence at the terminal, in JSON and on the page."""

from __future__ import annotations

import math

from ftkit.evaluation.statistics import Comparison, Verdict

VERDICTS = {
    Verdict.BETTER: "better",
    Verdict.WORSE: "worse",
    Verdict.NOT_ENOUGH_EVIDENCE: "not enough evidence",
}


def figure(value: float, share: bool) -> str:
    """A score: a share of 0 to 1 as per cent, anything else with some four digits."""
    return f"{value * 100:.1f}%" if share else _digits(value)


def span(low: float, high: float, share: bool) -> str:
    """The interval of a score: `83.8 to 95.2%`."""
    if share:
        return f"{low * 100:.1f} to {high * 100:.1f}%"
    return f"{_digits(low)} to {_digits(high)}"


def signed(value: float, share: bool) -> str:
    """A difference with its sign: percentage points of shares, else the metric's own unit."""
    return f"{round(value * 100, 1) + 0.0:+.1f}" if share else _digits(value, sign="+")


def gap(value: float, share: bool) -> str:
    """A difference with its unit: `+91.0 points`."""
    return f"{signed(value, share)} points" if share else signed(value, share)


def probability(p_value: float) -> str:
    """`p < 0.0001`, `p = 0.0412`, `p = 0.38`: enough digits not to cross the 0.05 line by rounding."""
    if p_value < 0.0001:
        return "p < 0.0001"
    return f"p = {p_value:.2f}" if p_value >= 0.1 else f"p = {p_value:.3g}"


def rows_word(rows: int) -> str:
    """`1 row`, `1,200 rows`."""
    return f"{rows:,} row" if rows == 1 else f"{rows:,} rows"


def verdict_sentence(
    comparison: Comparison,
    candidate: float,
    opponent: float,
    *,
    share: bool,
    higher_is_better: bool,
) -> str:
    """The whole result in one line; `candidate` and `opponent` are their mean scores."""
    words = (
        f"{VERDICTS[comparison.verdict]}: {figure(candidate, share)} against {figure(opponent, share)}, "
        f"difference {gap(comparison.difference, share)} (95% interval "
        f"{signed(comparison.low, share)} to {signed(comparison.high, share)}"
        f"{'' if higher_is_better else ', lower is better'}), {probability(comparison.p_value)}, "
        f"{rows_word(comparison.rows)}"
    )
    hint = evidence_hint(comparison)
    return f"{words}; {hint}" if hint else words


def evidence_hint(comparison: Comparison) -> str:
    """What would settle an open verdict; "" where it is settled or more rows are not what is missing."""
    if comparison.verdict is not Verdict.NOT_ENOUGH_EVIDENCE:
        return ""
    if comparison.rows_needed is None:
        return "no number of rows would show a difference of 0"
    if comparison.rows_needed <= comparison.rows:
        return ""
    # Two digits: the figure rests on a difference that is itself uncertain.
    step = 10 ** max(0, math.floor(math.log10(comparison.rows_needed)) - 1)
    about = math.ceil(comparison.rows_needed / step) * step
    return f"about {about:,} rows would show a difference of this size"


def _digits(value: float, sign: str = "") -> str:
    size = abs(value)
    if not math.isfinite(value) or size == 0:
        return f"{value + 0.0:{sign}.0f}"
    if size < 0.001:
        return f"{value:{sign}.2g}"
    if size < 10:
        return f"{value:{sign}.3f}"
    return f"{value:{sign},.1f}" if size < 10_000 else f"{value:{sign},.0f}"
