"""Right or wrong on the same rows: McNemar's test and Tango's interval, against scipy and over every outcome."""

import math
from collections.abc import Callable, Sequence
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from ftkit.evaluation.statistics import Interval, mcnemar, paired_proportion_interval, wilson
from tests.paired_outcomes import Z, outcomes, tango


@pytest.mark.parametrize(
    ("wins", "losses", "p"),
    [
        (5, 0, 0.0625),
        (6, 0, 0.03125),
        (9, 1, 0.0215),
        (10, 2, 0.0386),
        (15, 5, 0.0414),
        (8, 3, 0.2266),
        (20, 10, 0.0987),
        (25, 15, 0.1539),
    ],
)
def test_mcnemar_gives_the_known_p_values(wins, losses, p):
    assert mcnemar(wins, losses) == pytest.approx(p, abs=5e-5)
    assert mcnemar(losses, wins) == mcnemar(wins, losses)


def test_mcnemar_agrees_with_scipy():
    assert mcnemar(0, 0) == 1.0
    counts = [*range(25), 60, 133]
    for wins in counts:
        for losses in counts[: wins + 1]:
            if wins:
                judge = stats.binomtest(wins, wins + losses).pvalue
                assert mcnemar(wins, losses) == pytest.approx(judge, rel=1e-9)


def test_mcnemar_does_not_overflow_on_many_rows():
    assert 0.0 <= mcnemar(3000, 1000) < 1e-200
    assert mcnemar(2000, 2000) == 1.0


@pytest.mark.parametrize(
    ("both", "wins", "losses", "neither"),
    [(36, 12, 2, 0), (80, 15, 5, 0), (10, 6, 0, 4), (0, 1, 9, 10), (200, 25, 15, 60)],
)
def test_each_end_of_the_paired_interval_is_where_the_score_test_turns(both, wins, losses, neither):
    """The score statistic at each end is the normal quantile, with the nuisance share found by
    maximising the likelihood numerically instead of by Tango's closed form."""
    n = both + wins + losses + neither
    interval = paired_proportion_interval(both, wins, losses, neither)

    def score(delta: float) -> float:
        def minus_log_likelihood(lost: float) -> float:
            cells = (
                (wins, lost + delta),
                (losses, lost),
                (n - wins - losses, 1 - 2 * lost - delta),
            )
            return -sum(count * math.log(max(share, 1e-300)) for count, share in cells if count)

        lost = optimize.minimize_scalar(
            minus_log_likelihood,
            bounds=(max(0.0, -delta), (1 - delta) / 2),
            method="bounded",
            options={"xatol": 1e-12},
        ).x
        return (wins - losses - n * delta) / math.sqrt(n * (2 * lost + delta - delta**2))

    assert score(interval.low) == pytest.approx(Z, abs=2e-3)
    assert score(interval.high) == pytest.approx(-Z, abs=2e-3)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_the_paired_interval_contains_its_estimate_and_mirrors(both, wins, losses, neither):
    n = both + wins + losses + neither
    if n == 0:
        return
    interval = paired_proportion_interval(both, wins, losses, neither)
    assert -1 <= interval.low <= (wins - losses) / n <= interval.high <= 1
    assert interval.low < interval.high
    mirror = paired_proportion_interval(neither, losses, wins, both)
    assert (mirror.low, mirror.high) == (-interval.high, -interval.low)


def test_the_paired_interval_excludes_zero_wherever_mcnemar_rejects():
    """The other way round it may not: see its docstring."""
    for wins in range(31):
        for losses in range(31):
            if mcnemar(wins, losses) < 0.05:
                interval = paired_proportion_interval(10, wins, losses, 10)
                assert interval.low > 0 or interval.high < 0


Counts = Callable[[int, int, int], Interval]  # wins, losses, rows


def paired_wald(wins: int, losses: int, rows: int) -> Interval:
    """BROKEN: a point at no disagreement, too narrow at few."""
    mean = (wins - losses) / rows
    half = Z * math.sqrt(wins + losses - rows * mean**2) / rows
    return Interval(mean - half, mean + half)


def unpaired(wins: int, losses: int, rows: int) -> Interval:
    """BROKEN: forgets that both models answered the same rows (80% of the ties right)."""
    ties = rows - wins - losses
    ours, theirs = wilson(wins + round(0.8 * ties), rows), wilson(losses + round(0.8 * ties), rows)
    return Interval(ours.low - theirs.high, ours.high - theirs.low)


def covers_paired_differences(interval: Counts, row_counts: Sequence[int]) -> bool:
    """Exact coverage: at least 93% everywhere, at most 98% once ten rows are expected to differ."""
    for rows in row_counts:
        cached = cache(interval)
        for disagree in (0.05, 0.1, 0.2, 0.3, 0.5):
            for gain in (0.0, 0.5 * disagree, 0.9 * disagree):
                coverage = sum(
                    chance
                    for chance, wins, losses in outcomes(rows, disagree, gain)
                    if cached(wins, losses, rows).low <= gain <= cached(wins, losses, rows).high
                )
                if coverage < 0.93 or (coverage > 0.98 and rows * disagree >= 10):
                    return False
    return True


def test_the_paired_interval_covers_what_it_promises():
    assert covers_paired_differences(tango, [20, 50])


@pytest.mark.torture
def test_the_paired_interval_covers_at_every_size():
    assert covers_paired_differences(tango, [20, 30, 50, 75, 100, 200, 500])


@pytest.mark.parametrize("broken", [paired_wald, unpaired])
def test_the_paired_coverage_judge_refuses(broken):
    assert not covers_paired_differences(broken, [50])
