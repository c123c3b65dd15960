"""Scores of any kind on the same rows: the bootstrap's coverage, which is simulated, and sign flips against scipy."""

import math
import random
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ftkit.evaluation.intervals import _student_quantile
from ftkit.evaluation.statistics import (
    Interval,
    bootstrap_interval,
    compare_paired,
    mcnemar,
    sign_flip_p,
)
from tests.paired_outcomes import POPULATIONS, Z, tango


@pytest.mark.parametrize("confidence", [0.8, 0.9, 0.95, 0.99])
def test_students_quantile_agrees_with_scipy(confidence):
    z = stats.norm.ppf((1 + confidence) / 2)
    for freedom in (1, 2, 3, 4, 5, 10, 19, 100, 1000):
        judge = stats.t.ppf((1 + confidence) / 2, freedom)
        assert _student_quantile(z, freedom, confidence) == pytest.approx(judge, rel=0.02)
        if freedom == 19:
            assert _student_quantile(z, freedom, confidence) == pytest.approx(judge, rel=1e-5)


Method = Callable[[list[float], int], Interval]  # differences, seed


def coverage(method: Method, population: str, rows: int, repetitions: int) -> float:
    draw, mean = POPULATIONS[population]
    rng = random.Random(f"{population} {rows}")
    held = 0
    for seed in range(repetitions):
        interval = method([draw(rng) for _ in range(rows)], seed)
        held += interval.low <= mean <= interval.high
    return held / repetitions


def bootstrap(differences: list[float], seed: int) -> Interval:
    return bootstrap_interval(differences, resamples=399, seed=seed)


def normal_theory(differences: list[float], seed: int) -> Interval:
    """BROKEN: the textbook interval of a mean."""
    n, mean = len(differences), math.fsum(differences) / len(differences)
    half = Z * math.sqrt(math.fsum((d - mean) ** 2 for d in differences) / (n - 1) / n)
    return Interval(mean - half, mean + half)


def percentile(differences: list[float], seed: int) -> Interval:
    """BROKEN: the bootstrap most people know."""
    rng, n = random.Random(seed), len(differences)
    means = sorted(math.fsum(rng.choices(differences, k=n)) / n for _ in range(399))
    return Interval(means[9], means[-10])


def covers_means(method: Method, cases: Iterable[tuple[str, int]], repetitions: int) -> bool:
    """93% to 98%, less or more by two standard errors of the simulation."""
    noise = 2 * math.sqrt(0.95 * 0.05 / repetitions)
    return all(
        0.93 - noise <= coverage(method, population, rows, repetitions) <= 0.98 + noise
        for population, rows in cases
    )


SMALL = [("normal", 20), ("exponential", 20), ("one row in five", 50)]


def test_the_bootstrap_interval_covers_what_it_promises():
    assert covers_means(bootstrap, SMALL, 400)


@pytest.mark.parametrize("broken", [normal_theory, percentile])
def test_the_bootstrap_coverage_judge_refuses(broken):
    assert not covers_means(broken, SMALL, 400)


@pytest.mark.torture
@pytest.mark.parametrize("population", POPULATIONS)
def test_the_bootstrap_interval_covers_every_population(population):
    # 20 rows of which four differ, or of a lognormal, do not hold enough to cover 93%.
    sizes = [50, 100, 200] if population in ("lognormal", "one row in five") else [20, 50, 100, 200]
    assert covers_means(bootstrap, [(population, rows) for rows in sizes], 1000)
    assert covers_means(bootstrap, [(population, 500)], 300)


def documents(rng: random.Random, count: int) -> tuple[list[float], list[int]]:
    """Differences of mean 1 whose rows share the effect of the document they were cut from."""
    differences, clusters = [], []
    for document in range(count):
        effect = rng.gauss(1, 1)
        for _ in range(rng.randint(1, 9)):
            differences.append(effect + rng.gauss(0, 1))
            clusters.append(document)
    return differences, clusters


def is_honest_about_documents(*, told: bool, repetitions: int) -> bool:
    """Interval and test hold their 5% for rows cut from 20 documents."""
    rng = random.Random(20)
    missed = rejected = 0
    for seed in range(repetitions):
        differences, documents_of = documents(rng, 20)
        clusters = documents_of if told else None
        interval = bootstrap_interval(differences, clusters, resamples=399, seed=seed)
        missed += not interval.low <= 1 <= interval.high
        centred = [d - 1 for d in differences]
        rejected += sign_flip_p(centred, clusters, resamples=399, seed=seed) < 0.05
    most = stats.binom.ppf(0.99, repetitions, 0.05)
    return missed <= most and rejected <= most


def test_rows_of_one_document_do_not_count_as_independent():
    assert is_honest_about_documents(told=True, repetitions=150)
    assert not is_honest_about_documents(told=False, repetitions=150)


def test_a_gain_on_every_row_moves_the_interval_and_not_its_width():
    differences, clusters = documents(random.Random(9), 12)
    one = bootstrap_interval(differences, clusters)
    moved = bootstrap_interval([d + 5 for d in differences], clusters)
    assert one.low + one.high > 0
    assert (moved.low, moved.high) == pytest.approx((one.low + 5, one.high + 5), abs=0.05)


def test_one_document_says_nothing_about_others():
    assert bootstrap_interval([0.5, 0.6, 0.7], ["a"] * 3) == Interval(-math.inf, math.inf)
    assert sign_flip_p([0.5, 0.6, 0.7], ["a"] * 3) == 1.0


def test_a_row_without_a_document_stands_alone():
    differences = [0.3, -0.1, 0.4, 0.2, 0.5, 0.1, 0.9]
    assert bootstrap_interval(differences, [None] * 7) == bootstrap_interval(differences)
    assert sign_flip_p(differences, [None] * 7) == sign_flip_p(differences)


def test_neither_end_is_nearer_than_students_t():
    rng = random.Random(6)
    for rows in (3, 10, 20, 60):
        for _ in range(10):
            differences = [rng.gauss(0.1, 1) * rng.expovariate(1) for _ in range(rows)]
            student = stats.ttest_1samp(differences, 0).confidence_interval()
            interval = bootstrap_interval(differences, resamples=199)
            assert interval.low <= student.low and interval.high >= student.high


def test_one_row_in_twenty_leaves_about_as_much_open_as_tangos_interval_says():
    ours, judge = bootstrap_interval([1.0] + [0.0] * 19), tango(1, 0, 20)
    assert 0.8 <= (ours.high - ours.low) / (judge.high - judge.low) <= 1.2


def test_differences_that_are_all_equal_give_a_point():
    assert bootstrap_interval([0.0] * 20) == Interval(0.0, 0.0)
    assert bootstrap_interval([0.1] * 20).low == pytest.approx(0.1)
    assert bootstrap_interval([0.1] * 20).high == pytest.approx(0.1)


def test_sign_flips_are_mcnemars_test_when_a_row_is_right_or_wrong():
    for wins, losses in ((0, 0), (5, 0), (9, 1), (10, 2), (8, 3), (8, 8), (0, 16)):
        differences = [1.0] * wins + [-1.0] * losses + [0.0] * 7
        assert sign_flip_p(differences) == pytest.approx(mcnemar(wins, losses), abs=1e-12)


def test_sums_that_differ_in_their_last_bits_count_as_equal():
    assert sign_flip_p([0.1] * 9 + [-0.1]) == mcnemar(9, 1)
    assert sign_flip_p([0.1] * 9 + [-0.1]) == sign_flip_p([1.0] * 9 + [-1.0])


def test_sign_flips_agree_with_scipy_when_every_pattern_is_tried():
    rng = random.Random(3)
    for n in (3, 8, 11):
        differences = [rng.gauss(0.4, 1) for _ in range(n)]
        judge = stats.permutation_test(
            (differences,), lambda x: sum(x), permutation_type="samples", n_resamples=2**n
        )
        assert sign_flip_p(differences) == pytest.approx(judge.pvalue, abs=1e-12)


def test_sampled_sign_flips_come_close_to_the_exact_p():
    for wins, losses in ((20, 10), (25, 15), (15, 5), (40, 37)):
        p = sign_flip_p([1.0] * wins + [-1.0] * losses, resamples=4000)
        exact = mcnemar(wins, losses)
        assert abs(p - exact) < 4 * math.sqrt(exact * (1 - exact) / 4000) + 1 / 4001


def test_a_sampled_p_is_never_zero():
    assert sign_flip_p([1.0] * 60, resamples=999) == 1 / 1000


@given(
    st.lists(st.floats(-5, 5), min_size=1, max_size=40),
    st.integers(0, 2**16),
    st.randoms(use_true_random=False),
)
@settings(max_examples=25, deadline=None)
def test_order_and_sides_change_no_interval_and_no_p(differences, seed, rng):
    shuffled = rng.sample(differences, len(differences))
    negated = [-d for d in differences]
    p = sign_flip_p(differences, resamples=200, seed=seed)
    assert sign_flip_p(shuffled, resamples=200, seed=seed) == p
    assert sign_flip_p(negated, resamples=200, seed=seed) == p
    interval = bootstrap_interval(differences, resamples=200, seed=seed)
    assert bootstrap_interval(shuffled, resamples=200, seed=seed) == interval
    if math.fsum(differences) != 0:
        mirror = bootstrap_interval(negated, resamples=200, seed=seed)
        assert (mirror.low, mirror.high) == (-interval.high, -interval.low)
    assert interval.low <= math.fsum(differences) / len(differences) <= interval.high


def test_a_seed_decides_everything():
    rng = random.Random(8)
    candidate, opponent = [rng.random() for _ in range(60)], [rng.random() for _ in range(60)]
    first = compare_paired(candidate, opponent, seed=1)
    assert compare_paired(candidate, opponent, seed=1) == first
    other = compare_paired(candidate, opponent, seed=2)
    assert other != first
    assert other.low == pytest.approx(first.low, abs=0.02)
    assert other.p_value == pytest.approx(first.p_value, abs=0.05)
