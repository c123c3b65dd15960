"""Confidence intervals that hold at the 20 to 500 rows a hold-out usually has.

The textbook interval, mean plus or minus 1.96 standard errors, is too narrow there and collapses to
a point at 30 right of 30 (arXiv 2503.01747). Each method below was chosen by its measured coverage,
which the tests measure again.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean

from ftkit.evaluation.clusters import pooled


@dataclass(frozen=True, slots=True)
class Interval:
    """Both ends in the unit of what was measured; infinite where one cluster is all there is."""

    low: float
    high: float


def wilson(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Interval of a proportion, as shares of 0 to 1. Source: Wilson, JASA 22 (1927) 209.

    Raises ValueError unless 0 <= successes <= n and n >= 1.
    """
    z = _normal_quantile(confidence)
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} rows is not a proportion")
    centre = (successes + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(successes * (n - successes) / n + z * z / 4)
    return Interval(
        0.0 if successes == 0 else centre - half, 1.0 if successes == n else centre + half
    )


def paired_proportion_interval(
    both: int, wins: int, losses: int, neither: int, confidence: float = 0.95
) -> Interval:
    """Interval of (wins - losses) / rows, from the four counts of a paired yes/no comparison.

    `both` and `neither` count the rows that both or neither got right. Tango's score interval,
    Statistics in Medicine 17 (1998) 891. It can exclude 0 where McNemar's exact test, which is
    conservative, does not reject: 5 wins and no loss give p = 0.0625. A verdict needs both.
    """
    z = _normal_quantile(confidence)
    rows = both + wins + losses + neither
    if min(both, wins, losses, neither) < 0 or rows == 0:
        raise ValueError(f"counts {both}, {wins}, {losses}, {neither}: none negative, not all 0")
    return Interval(
        -_tango_upper(losses, wins, rows, z),
        _tango_upper(wins, losses, rows, z),
    )


def bootstrap_interval(
    differences: Sequence[float],
    clusters: Sequence[object] | None = None,
    confidence: float = 0.95,
    resamples: int = 4000,
    seed: int = 0,
) -> Interval:
    """Interval of the mean difference per row, in the unit of the differences; the same for a seed.

    Each end is the outer one of two: the bootstrap-t (Efron and Tibshirani 1993, ch. 12), right for
    skewed differences, and Student's t, right where few rows differ or the tails are heavy and the
    bootstrap is too narrow. Clusters are resampled whole. Too narrow still where fewer than some
    ten rows differ (four of 20: 89% for 95%), and a point where all differences are equal: nothing
    in such data says how far another row could lie.
    """
    pools = pooled(differences, clusters)
    z = _normal_quantile(confidence)
    count, rows = len(pools), sum(size for _, size in pools)
    if count == 1:
        return Interval(-math.inf, math.inf)
    mean = math.fsum(total for total, _ in pools) / rows
    if mean < 0:  # so that swapping the two models mirrors the interval exactly
        mirror = bootstrap_interval(
            [-d for d in differences], clusters, confidence, resamples, seed
        )
        return Interval(-mirror.high, -mirror.low)

    residuals = [(total - mean * size, size) for total, size in pools]
    squares = math.fsum(e * e for e, _ in residuals)
    if squares <= 1e-20 * math.fsum(total * total for total, _ in pools):
        return Interval(mean, mean)
    variance = squares / (count - 1)
    error = math.sqrt(count * variance) / rows

    # Two pseudo-clusters keep a resample that drew almost no differing row from a near-zero error.
    rng = random.Random(seed)
    terms = [(e, size, e * e, e * size, size * size) for e, size in residuals]
    ratios = []
    for _ in range(resamples):
        e, size, ee, es, ss = map(sum, zip(*rng.choices(terms, k=count), strict=True))
        shift = e / size
        spread = max(0.0, ee - 2 * shift * es + shift * shift * ss) + 2 * variance
        ratios.append(shift * size / math.sqrt(count * spread / (count + 1)))
    ratios.sort()
    tail = max(1, int((resamples + 1) * (1 - confidence) / 2))

    # One more of those that differ, after the half counts that Agresti and Min add to the wins and
    # the losses (Statistics in Medicine 24, 2005, 729): it matters where few rows differ.
    differing = [e * e for (total, _), (e, _) in zip(pools, residuals, strict=True) if total != 0]
    widened = math.sqrt(count * (squares + fmean(differing)) / (count - 1)) / rows
    student = _student_quantile(z, count - 1, confidence) * widened
    return Interval(
        mean - max(ratios[-tail] * error, student), mean + max(-ratios[tail - 1] * error, student)
    )


def _normal_quantile(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}, must lie between 0 and 1")
    return NormalDist().inv_cdf((1 + confidence) / 2)


def _student_quantile(z: float, freedom: int, confidence: float) -> float:
    """Two-sided quantile of Student's t: exact for 1 and 2 degrees of freedom, else Abramowitz and
    Stegun 26.7.5 (within 0.2% at 95%)."""
    if freedom == 1:
        return math.tan(math.pi * confidence / 2)
    if freedom == 2:
        return confidence * math.sqrt(2 / (1 - confidence**2))
    series = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + float(sum(term / freedom**power for power, term in enumerate(series, start=1)))


def _tango_upper(wins: int, losses: int, rows: int, z: float) -> float:
    """Largest difference that the score test at quantile z does not reject, by bisection."""
    low, high = (wins - losses) / rows, 1.0
    for _ in range(60):
        delta = (low + high) / 2
        b = (2 * rows - wins + losses) * delta - wins - losses
        c = -losses * delta * (1 - delta)
        share_lost = (math.sqrt(max(0.0, b * b - 8 * rows * c)) - b) / (4 * rows)
        variance = rows * (2 * share_lost + delta * (1 - delta))
        if (rows * delta - wins + losses) ** 2 <= z * z * variance:
            low = delta
        else:
            high = delta
    return high
