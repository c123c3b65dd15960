"""Wilson's interval of one share against scipy and published figures, and exactly how often it holds the truth."""

import math
from collections.abc import Callable

import pytest
from scipy import stats

from ftkit.evaluation.statistics import Interval, wilson
from tests.paired_outcomes import Z


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(30, 30, 0.886, 1.0), (9, 10, 0.596, 0.982), (45, 50, 0.786, 0.957), (100, 100, 0.963, 1.0)],
)
def test_wilson_gives_the_known_intervals(successes, n, low, high):
    interval = wilson(successes, n)
    assert (round(interval.low, 3), round(interval.high, 3)) == (low, high)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_wilson_agrees_with_scipy(confidence):
    for n in (1, 2, 7, 20, 100, 501):
        for successes in sorted({0, 1, n // 3, n // 2, n - 1, n}):
            judge = stats.binomtest(successes, n).proportion_ci(confidence, method="wilson")
            ours = wilson(successes, n, confidence)
            assert (ours.low, ours.high) == pytest.approx((judge.low, judge.high), abs=1e-12)
        assert wilson(0, n, confidence).low == 0.0
        assert wilson(n, n, confidence).high == 1.0


def wald(successes: int, n: int) -> Interval:
    """BROKEN: the textbook interval."""
    share = successes / n
    half = Z * math.sqrt(share * (1 - share) / n)
    return Interval(share - half, share + half)


def wilson_of_half_the_rows(successes: int, n: int) -> Interval:
    """BROKEN: too wide, so never wrong."""
    return wilson(successes // 2, n // 2)


def keeps_its_word(interval: Callable[[int, int], Interval]) -> bool:
    """Exact coverage at n = 20 to 500 and p = 0.5 to 0.99: 93% to 97% on average at each n, and 91%
    at every point. No interval of a count is closer everywhere: a count of 20 has 21 outcomes."""
    shares = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.97, 0.98, 0.99)
    for n in (20, 30, 50, 75, 100, 150, 200, 300, 500):
        intervals = [interval(successes, n) for successes in range(n + 1)]
        coverages = [
            sum(
                chance
                for chance, bounds in zip(
                    stats.binom.pmf(range(n + 1), n, p), intervals, strict=True
                )
                if bounds.low <= p <= bounds.high
            )
            for p in shares
        ]
        if min(coverages) < 0.91 or not 0.93 <= sum(coverages) / len(coverages) <= 0.97:
            return False
    return True


def test_wilson_covers_what_it_promises():
    assert keeps_its_word(wilson)


@pytest.mark.parametrize("broken", [wald, wilson_of_half_the_rows])
def test_the_coverage_judge_refuses(broken):
    assert not keeps_its_word(broken)
