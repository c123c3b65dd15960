"""How long rows are, in a few numbers: quantiles, and counts in at most 32 bins of round width.

Lengths have long tails: the bins end near the 99th percentile, and what is longer is one number, or one row of a megabyte
would leave a single bar of all others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_BINS = 30
_TAIL = 1.5  # the bins reach to the end where the longest row is no longer than so many 99th percentiles
_FAR = 3  # and no further than so many 95th percentiles: in a small set the 99th is the longest row


@dataclass(frozen=True, slots=True)
class Bin:
    """`count` rows from `low` to `high`, both included."""

    low: int
    high: int
    count: int


@dataclass(frozen=True, slots=True)
class Spread:
    """Of `rows` lengths in `unit`: quantiles (each a length that occurs), bins, and how many are beyond the last bin."""

    what: str
    unit: str
    rows: int
    total: int
    low: int
    median: int
    p95: int
    high: int
    bins: tuple[Bin, ...]
    beyond: int


def spread_of(lengths: Sequence[int], what: str, unit: str) -> Spread | None:
    """The spread of these lengths, None where there are none."""
    if not lengths:
        return None
    ordered = sorted(lengths)
    low, high = ordered[0], ordered[-1]
    most = _quantile(ordered, 0.99)
    end = high if high <= _TAIL * most else most
    end = min(end, max(1, _FAR * _quantile(ordered, 0.95)))
    width = _round_up((end - (low if 2 * low > end else 0) + 1) / _BINS)
    first = low // width if 2 * low > end else 0
    counts = [0] * (end // width - first + 1)
    beyond = 0
    for length in ordered:
        place = length // width - first
        if place < len(counts):
            counts[place] += 1
        else:
            beyond += 1
    bins = tuple(
        Bin((first + place) * width, (first + place + 1) * width - 1, count)
        for place, count in enumerate(counts)
    )
    return Spread(
        what,
        unit,
        len(ordered),
        sum(ordered),
        low,
        _quantile(ordered, 0.5),
        _quantile(ordered, 0.95),
        high,
        bins,
        beyond,
    )


def _quantile(ordered: Sequence[int], share: float) -> int:
    """The smallest length that is not exceeded by this share of the rows (nearest rank)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _round_up(width: float) -> int:
    """1, 2 or 5 times a power of ten, not below `width`."""
    power = 10 ** max(0, math.floor(math.log10(width))) if width > 1 else 1
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= width)
