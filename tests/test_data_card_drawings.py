"""The numbers behind the drawings of a data card, and that they are drawn in proportion."""

from __future__ import annotations

import re

import pytest

from ftkit.data.card.drawing import histogram, share_bar
from ftkit.data.checks.spread import spread_of


def test_a_spread_counts_every_row_once_whatever_the_tail() -> None:
    for lengths in (
        [0], [5] * 9, list(range(1000)), [1] * 99 + [10**7], [0] * 97 + [1, 2, 3],
        [n**3 % 977 for n in range(5_000)], [10**6 + n for n in range(50)],
    ):  # fmt: skip
        spread = spread_of(lengths, "answer", "characters")
        assert spread is not None
        assert sum(one.count for one in spread.bins) + spread.beyond == len(lengths)
        assert 1 <= len(spread.bins) <= 32 and spread.bins[0].low <= spread.low
        assert {one.high - one.low for one in spread.bins} == {spread.bins[0].high - spread.bins[0].low}  # fmt: skip
        assert spread.low <= spread.median <= spread.p95 <= spread.high
        assert spread.beyond <= 0.05 * len(lengths)


def test_quantiles_are_lengths_that_occur() -> None:
    spread = spread_of([*range(1, 101)], "answer", "characters")
    assert spread is not None and (spread.median, spread.p95) == (50, 95)
    assert spread_of([], "answer", "characters") is None


def test_a_histogram_is_drawn_in_proportion_and_says_each_count() -> None:
    spread = spread_of([1] * 10 + [2] * 30 + [3] * 20, "turns of a row", "turns")
    assert spread is not None
    drawing = histogram(spread, "Turns")
    heights = {
        label: float(height)
        for height, label in re.findall(r'height="([\d.]+)"/><rect class="place".*?<title>(.*?)</title>', drawing)
    }  # fmt: skip
    assert set(heights) == {"1 turns: 10 rows (16.7%)", "2 turns: 30 rows (50.0%)", "3 turns: 20 rows (33.3%)"}  # fmt: skip
    one, two, three = (heights[label] for label in sorted(heights))
    assert two == pytest.approx(3 * one, abs=0.1) and three == pytest.approx(2 * one, abs=0.1)
    assert 'role="img" aria-label="Turns"' in drawing
    assert "<desc>median 2, 95th percentile 3, shortest 1, longest 3 turns</desc>" in drawing
    assert ">turns</text>" in drawing and ">rows</text>" in drawing


def test_a_share_is_drawn_in_proportion() -> None:
    widths = [
        float(re.search(r'class="bar[^"]*"[^>]*width="([\d.]+)%"', share_bar(share, 0.5, "")).group(1))  # type: ignore[union-attr]
        for share in (0.0, 0.25, 0.5, 0.9)
    ]  # fmt: skip
    assert widths == [0, 48.5, 97, 97]
