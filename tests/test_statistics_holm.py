"""Several candidates on one hold-out: Holm's correction, and that trying five finds no better one by luck."""

import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ftkit.evaluation.statistics import Comparison, Verdict, adjusted, compare_paired, holm
from tests.paired_outcomes import yes_no


def test_holm_keeps_the_order_and_steps_down():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=8), st.floats(0.001, 0.2))
def test_holm_rejects_what_the_step_down_procedure_rejects(p_values, alpha):
    by_size = sorted(range(len(p_values)), key=lambda i: p_values[i])
    rejected = set()
    for step, index in enumerate(by_size):
        if (len(p_values) - step) * p_values[index] >= alpha:
            break
        rejected.add(index)
    assert {i for i, p in enumerate(holm(p_values)) if p < alpha} == rejected


def best_of_five_is_honest(decide: Callable[[list[Comparison]], Sequence[Comparison]]) -> bool:
    """Five candidates no better than the opponent: one is called better or worse in 5% at most."""
    rng = random.Random(5)
    false = 0
    for _ in range(200):
        opponent = [int(rng.random() < 0.7) for _ in range(200)]
        candidates = [[int(rng.random() < 0.7) for _ in range(200)] for _ in range(5)]
        decided = decide([compare_paired(candidate, opponent) for candidate in candidates])
        false += any(c.verdict is not Verdict.NOT_ENOUGH_EVIDENCE for c in decided)
    return bool(false <= stats.binom.ppf(0.99, 200, 0.05))


def test_trying_five_candidates_does_not_find_a_better_one_by_luck():
    assert best_of_five_is_honest(adjusted)
    assert not best_of_five_is_honest(lambda comparisons: comparisons)


def test_holm_withdraws_a_verdict_and_leaves_the_rest():
    sure, luck = compare_paired(*yes_no(20, 2, 80)), compare_paired(*yes_no(9, 1, 90))
    assert luck.verdict is Verdict.BETTER
    several = adjusted([luck, sure, luck, luck])
    assert [c.verdict is Verdict.BETTER for c in several] == [False, True, False, False]
    assert several[0].verdict is Verdict.NOT_ENOUGH_EVIDENCE
    assert several[0].p_value == pytest.approx(3 * luck.p_value)
    assert several[1].p_value == pytest.approx(4 * sure.p_value)
    assert (several[0].low, several[0].high) == (luck.low, luck.high)
    assert several[0].rows_needed == luck.rows_needed
    assert adjusted([luck]) == [luck]
    assert adjusted([luck], confidence=0.99)[0].verdict is Verdict.NOT_ENOUGH_EVIDENCE
