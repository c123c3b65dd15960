"""What the statistics refuse: scores that are no numbers, by row, and counts and levels that make no sense."""

import math

import pytest

from ftkit.evaluation.statistics import (
    bootstrap_interval,
    compare_paired,
    mcnemar,
    minimum_detectable,
    paired_proportion_interval,
    rows_needed,
    sign_flip_p,
    wilson,
)


@pytest.mark.parametrize(
    ("candidate", "opponent", "words"),
    [
        ([], [], "no rows"),
        ([1.0, 0.0], [1.0], "2 candidate scores and 1 opponent scores.*row 1 "),
        ([1.0, math.nan], [1.0, 1.0], "candidate score of row 1 .*nan"),
        ([1.0, 1.0, 1.0], [1.0, 1.0, -math.inf], "opponent score of row 2 .*-inf"),
        ([1e308], [-1e308], "difference of row 0 .*inf"),
    ],
)
def test_bad_scores_are_refused_by_row(candidate, opponent, words):
    with pytest.raises(ValueError, match=words):
        compare_paired(candidate, opponent)


@pytest.mark.parametrize(
    "call",
    [
        lambda: compare_paired([1.0, 0.5], [0.0, 0.1], clusters=["a"]),
        lambda: compare_paired([1], [0], confidence=1.0),
        lambda: wilson(3, 2),
        lambda: wilson(0, 0),
        lambda: wilson(1, 2, confidence=95),
        lambda: mcnemar(-1, 3),
        lambda: paired_proportion_interval(0, 0, 0, 0),
        lambda: paired_proportion_interval(5, -1, 0, 0),
        lambda: bootstrap_interval([]),
        lambda: bootstrap_interval([0.0, math.nan]),
        lambda: sign_flip_p([]),
        lambda: rows_needed([]),
        lambda: rows_needed([0.1], power=1.0),
        lambda: minimum_detectable(0, 0.1),
        lambda: minimum_detectable(100, 10),
    ],
)
def test_nonsense_is_refused(call):
    with pytest.raises(ValueError):
        call()
