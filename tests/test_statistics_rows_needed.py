"""How many rows show a gain: against published figures, and against the exact power of the test at that number."""

import math
import random
from collections.abc import Callable, Sequence
from functools import cache

import pytest
from scipy import stats

from ftkit.evaluation.statistics import (
    Verdict,
    compare_paired,
    mcnemar,
    minimum_detectable,
    rows_needed,
    sign_flip_p,
)
from tests.paired_outcomes import POPULATIONS, Z, differences_of, outcomes

DETECTABLE = {  # rows: points of gain at 10%, 20% and 30% disagreement
    50: (None, 17.3, 21.2),
    100: (8.8, 12.4, 15.2),
    200: (6.2, 8.8, 10.8),
    300: (5.1, 7.2, 8.8),
    500: (4.0, 5.6, 6.8),
    1000: (2.8, 4.0, 4.8),
    2000: (2.0, 2.8, 3.4),
}


@pytest.mark.parametrize("rows", DETECTABLE)
def test_the_smallest_gain_that_rows_can_show(rows):
    for disagree, points in zip((0.1, 0.2, 0.3), DETECTABLE[rows], strict=True):
        gain = minimum_detectable(rows, disagree)
        if points is None:
            assert gain is None
        else:
            assert gain is not None and 100 * gain == pytest.approx(points, abs=0.0501)


def test_no_gain_is_detectable_without_disagreement_or_with_almost_no_rows():
    assert minimum_detectable(1000, 0.0) is None
    assert minimum_detectable(2, 0.5) is None


@cache
def rejects(wins: int, losses: int) -> bool:
    return mcnemar(wins, losses) < 0.05


def exact_power(rows: int, disagree: float, gain: float) -> float:
    return sum(
        chance
        for chance, wins, losses in outcomes(rows, disagree, gain)
        if wins > losses and rejects(wins, losses)
    )


@pytest.mark.parametrize("rows", [50, 100, 200])
def test_the_exact_test_nearly_has_the_power_of_the_table(rows):
    for disagree in (0.1, 0.2, 0.3):
        gain = minimum_detectable(rows, disagree)
        if gain is not None:
            assert 0.75 <= exact_power(rows, disagree, gain) <= 0.80


def connor_without_correction(differences: Sequence[float]) -> int:
    """BROKEN: enough for the normal approximation, too few for the exact test."""
    mean = math.fsum(differences) / len(differences)
    square = math.fsum(d * d for d in differences) / len(differences)
    z_power = stats.norm.ppf(0.8)
    root = Z * math.sqrt(square) + z_power * math.sqrt(square - mean**2)
    return math.ceil((root / mean) ** 2)


def suffices(needed: Callable[[Sequence[float]], int | None]) -> bool:
    """The exact test really has 80% power at the rows said to be needed, and they are no waste."""
    for wins, losses, ties in ((9, 1, 90), (12, 4, 84), (15, 5, 30), (6, 0, 4), (22, 8, 70)):
        n = wins + losses + ties
        rows = needed(differences_of(wins, losses, ties))
        assert rows is not None
        share, gain = (wins + losses) / n, (wins - losses) / n
        if exact_power(rows, share, gain) < 0.8 or exact_power(rows // 2, share, gain) > 0.8:
            return False
    return True


def test_the_rows_needed_suffice():
    assert suffices(rows_needed)


def test_the_power_judge_refuses_the_uncorrected_formula():
    assert not suffices(connor_without_correction)


@pytest.mark.torture
@pytest.mark.parametrize("population", ["normal", "exponential", "heavy tails"])
@pytest.mark.parametrize("side", [1, -1])
def test_the_rows_needed_nearly_suffice_for_scores_of_any_kind(population, side):
    """Skew towards the gain gives more than the 80% asked for, skew against it some 70%."""
    draw, _ = POPULATIONS[population]
    rng = random.Random(11)
    sample = [side * draw(rng) for _ in range(20000)]
    centre = math.fsum(sample) / len(sample)
    sample = [d - centre + 0.4 for d in sample]
    rows = rows_needed(sample)
    assert rows is not None
    shown = {
        count: sum(
            compare_paired(rng.choices(sample, k=count), [0.0] * count).verdict is Verdict.BETTER
            for _ in range(400)
        )
        for count in (rows // 2, rows)
    }
    assert shown[rows] / 400 >= 0.65
    assert shown[rows // 2] / 400 <= 0.72


def test_no_number_of_rows_shows_a_difference_of_nothing():
    assert rows_needed([0.0] * 50) is None
    assert rows_needed([1.0, -1.0, 0.0]) is None
    assert rows_needed([0.1 + 0.2 - 0.3, 0.1, -0.1]) is None  # zero but for the last bit


def test_a_steady_difference_still_needs_six_rows():
    assert rows_needed([0.3, 0.31, 0.29] * 10) == 6
    assert sign_flip_p([0.3] * 5) > 0.05 > sign_flip_p([0.3] * 6)


def test_rows_that_repeat_one_another_need_more_rows():
    differences = [d for d in (0.9, -0.4, 0.7, 0.2, -0.6, 0.8, 0.1) for _ in range(5)]
    alone = rows_needed(differences)
    together = rows_needed(differences, clusters=[row // 5 for row in range(35)])
    assert alone is not None and together is not None
    assert together == pytest.approx(5 * alone, rel=0.05)
