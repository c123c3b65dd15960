"""A verdict asks the test and the interval, says the same from either side, and rarely tells equal models apart."""

import random
from collections.abc import Callable, Sequence
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ftkit.evaluation.statistics import Verdict, compare_paired, rows_needed
from tests.paired_outcomes import Draw, differences_of, outcomes, tango, yes_no


def test_four_points_on_a_hundred_rows_are_not_enough_evidence():
    comparison = compare_paired(*yes_no(7, 3, 90))
    assert comparison.verdict is Verdict.NOT_ENOUGH_EVIDENCE
    assert comparison.difference == pytest.approx(0.04)
    assert comparison.low < 0 < comparison.high
    assert (comparison.wins, comparison.losses, comparison.ties) == (7, 3, 90)
    assert comparison.rows_needed is not None and 450 <= comparison.rows_needed <= 600


def test_the_same_four_points_on_enough_rows_are_better():
    assert compare_paired(*yes_no(42, 18, 540)).verdict is Verdict.BETTER


def test_where_lower_is_better_a_negative_difference_wins():
    rng = random.Random(4)
    opponent = [2 + rng.random() for _ in range(60)]
    candidate = [loss - 0.3 - 0.2 * rng.random() for loss in opponent]
    comparison = compare_paired(candidate, opponent, higher_is_better=False)
    assert comparison.verdict is Verdict.BETTER
    assert comparison.low < comparison.difference < comparison.high < 0
    assert (comparison.wins, comparison.losses) == (60, 0)
    assert comparison.rows_needed is not None
    assert compare_paired(candidate, opponent).verdict is Verdict.WORSE


scores = st.one_of(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=40),
    st.lists(st.tuples(st.floats(0, 3), st.floats(0, 3)), min_size=1, max_size=20),
)
OPPOSITE = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}


@given(scores, st.booleans())
@settings(max_examples=25, deadline=None)
def test_swapping_the_models_turns_the_verdict_round(pairs, higher_is_better):
    ours, theirs = [float(a) for a, _ in pairs], [float(b) for _, b in pairs]
    one = compare_paired(ours, theirs, higher_is_better=higher_is_better)
    other = compare_paired(theirs, ours, higher_is_better=higher_is_better)
    assert other.verdict is OPPOSITE.get(one.verdict, one.verdict)
    assert other.difference == -one.difference
    assert other.p_value == one.p_value
    assert (other.wins, other.losses, other.ties) == (one.losses, one.wins, one.ties)
    assert other.rows_needed == one.rows_needed
    if one.difference != 0:
        assert (other.low, other.high) == (-one.high, -one.low)
    turned = compare_paired(ours, theirs, higher_is_better=not higher_is_better)
    assert (turned.difference, turned.low, turned.high) == (one.difference, one.low, one.high)
    assert turned.verdict is other.verdict


@given(scores, st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_the_order_of_the_rows_changes_nothing(pairs, rng):
    mixed = rng.sample(pairs, len(pairs))
    assert compare_paired([a for a, _ in pairs], [b for _, b in pairs]) == compare_paired(
        [a for a, _ in mixed], [b for _, b in mixed]
    )


def test_a_verdict_needs_the_test_and_the_interval():
    five_to_none = compare_paired(*yes_no(5, 0, 95))
    assert five_to_none.low > 0 and five_to_none.p_value > 0.05
    assert five_to_none.verdict is Verdict.NOT_ENOUGH_EVIDENCE
    assert compare_paired(*yes_no(6, 0, 95)).verdict is Verdict.BETTER
    one_large_loss = [0.8, 0.7, 0.6, 0.9, 0.5, 0.75, 0.85, 0.4, 0.65, 0.3, 0.55, 0.2, -1.6]
    skewed = compare_paired(one_large_loss, [0.0] * 13)
    assert skewed.p_value < 0.05 and skewed.low < 0 < skewed.high
    assert skewed.verdict is Verdict.NOT_ENOUGH_EVIDENCE


def test_confidence_moves_both_hurdles():
    assert compare_paired(*yes_no(9, 1, 40)).verdict is Verdict.BETTER
    strict = compare_paired(*yes_no(9, 1, 40), confidence=0.99)
    assert strict.verdict is Verdict.NOT_ENOUGH_EVIDENCE
    assert strict.rows_needed == rows_needed(differences_of(9, 1, 40), alpha=0.01)


def test_identical_answers_are_not_enough_evidence():
    for row_scores in ([1] * 30, [0.25] * 30):
        comparison = compare_paired(row_scores, row_scores)
        assert comparison.verdict is Verdict.NOT_ENOUGH_EVIDENCE
        assert (comparison.p_value, comparison.rows_needed, comparison.ties) == (1.0, None, 30)


def test_right_or_wrong_in_documents_is_never_surer_than_without():
    ours, theirs = yes_no(12, 2, 26)
    alone = compare_paired(ours, theirs)
    together = compare_paired(ours, theirs, clusters=[row // 4 for row in range(40)])
    assert alone.verdict is Verdict.BETTER
    assert together.verdict is Verdict.NOT_ENOUGH_EVIDENCE  # 12 wins from three documents
    assert together.low <= alone.low and together.high >= alone.high
    assert together.rows_needed is not None and alone.rows_needed is not None
    assert together.rows_needed > alone.rows_needed
    assert "10 clusters" in together.method
    no_row_differs = compare_paired(*yes_no(0, 0, 40), clusters=[row // 4 for row in range(40)])
    assert no_row_differs.low < 0 < no_row_differs.high  # and not a point
    assert compare_paired(ours, theirs, clusters=list(range(40))) == alone


def models(
    rng: random.Random, rows: int, ours: float, theirs: float, share: float
) -> tuple[list[int], list[int]]:
    """Right/wrong scores of two models of these accuracies, who on a `share` of the rows are right
    or wrong together (the row is easy or hard for both)."""
    candidate, opponent = [], []
    for _ in range(rows):
        luck = rng.random()
        other = luck if rng.random() < share else rng.random()
        candidate.append(int(luck < ours))
        opponent.append(int(other < theirs))
    return candidate, opponent


Judge = Callable[[list[float], list[float]], bool]  # claims a difference


def verdict(candidate: Sequence[float], opponent: Sequence[float]) -> bool:
    return compare_paired(candidate, opponent).verdict is not Verdict.NOT_ENOUGH_EVIDENCE


def unpaired_test(candidate: Sequence[float], opponent: Sequence[float]) -> bool:
    """BROKEN: two samples, as if each model had met other rows."""
    return bool(stats.ttest_ind(candidate, opponent).pvalue < 0.05)


def higher_mean(candidate: Sequence[float], opponent: Sequence[float]) -> bool:
    """BROKEN: the larger number wins."""
    return sum(candidate) != sum(opponent)


def has_power(claims: Judge, repetitions: int) -> bool:
    """100 rows, 90% against 80% right, differing on about one row in ten: shown in 70%."""
    rng = random.Random(1)
    pairs = [models(rng, 100, 0.9, 0.8, 0.98) for _ in range(repetitions)]
    return sum(claims(*pair) for pair in pairs) / repetitions >= 0.7


def test_pairing_shows_what_two_samples_miss():
    assert has_power(verdict, 300)
    assert not has_power(unpaired_test, 300)


def keeps_quiet(claims: Judge, draw: Callable[[random.Random], float], repetitions: int) -> bool:
    """Two equal models: a difference is claimed in 5% at most, but for the simulation's noise."""
    rng = random.Random(2)
    false = sum(
        claims([draw(rng) for _ in range(20)], [draw(rng) for _ in range(20)])
        for _ in range(repetitions)
    )
    return bool(false <= stats.binom.ppf(0.99, repetitions, 0.05))


EQUAL_MODELS: dict[str, Draw] = {
    "right or wrong": lambda rng: float(rng.random() < 0.8),
    "losses": lambda rng: rng.expovariate(1),
    "mostly perfect": lambda rng: 1.0 if rng.random() < 0.8 else rng.random(),
}


@pytest.mark.parametrize("kind", EQUAL_MODELS)
def test_equal_models_are_rarely_told_apart(kind):
    assert keeps_quiet(verdict, EQUAL_MODELS[kind], 100)
    assert not keeps_quiet(higher_mean, EQUAL_MODELS[kind], 100)


@pytest.mark.torture
@pytest.mark.parametrize("kind", EQUAL_MODELS)
def test_equal_models_are_rarely_told_apart_in_many_runs(kind):
    assert keeps_quiet(verdict, EQUAL_MODELS[kind], 3000)


def false_verdicts(claims: Callable[[int, int, int], bool], rows: int, disagree: float) -> float:
    return sum(
        chance
        for chance, wins, losses in outcomes(rows, disagree, 0.0)
        if claims(wins, losses, rows)
    )


@pytest.mark.parametrize("rows", [20, 50, 100])
def test_equal_right_or_wrong_models_are_told_apart_in_five_percent_at_most(rows):
    """Exactly, over every outcome; the interval alone would not keep to it."""

    @cache
    def claims(wins: int, losses: int, rows: int) -> bool:
        return verdict(*yes_no(wins, losses, rows - wins - losses))

    for disagree in (0.05, 0.1, 0.2, 0.3):
        assert false_verdicts(claims, rows, disagree) <= 0.05


def test_the_interval_alone_would_claim_too_much():
    def claims(wins: int, losses: int, rows: int) -> bool:
        interval = tango(wins, losses, rows)
        return interval.low > 0 or interval.high < 0

    assert false_verdicts(claims, 100, 0.2) > 0.05
