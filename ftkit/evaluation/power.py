"""How many rows a difference needs, and how small a difference the rows can show.

Both rest on the normal approximation for paired scores of Connor, Biometrics 43 (1987) 207: with m
the mean difference and q the mean squared one (for right/wrong: the share of rows that differ),
rows = (z_alpha * sqrt(q) + z_power * sqrt(q - m^2))^2 / m^2.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

from ftkit.evaluation.clusters import pooled


def rows_needed(
    differences: Sequence[float],
    *,
    clusters: Sequence[object] | None = None,
    power: float = 0.8,
    alpha: float = 0.05,
) -> int | None:
    """Held-out rows that would show the observed mean difference, were it the true one.

    None when it is 0. For right/wrong scores McNemar's continuity correction is added, so that the
    exact test has the power asked for and not a few points less. Other scores get the normal
    approximation: with a long tail of losses, 80% becomes some 70%. Clusters are counted at their
    mean size.
    """
    pools = pooled(differences, clusters)
    z_alpha, z_power = _quantiles(power, alpha)
    mean = math.fsum(total for total, _ in pools) / len(pools)
    sizes = [abs(total) for total, _ in pools if total != 0]
    if abs(mean) * len(pools) <= 1e-12 * math.fsum(sizes):
        return None
    square = math.fsum(size * size for size in sizes) / len(pools)
    spread = math.sqrt(max(0.0, square - mean * mean))
    needed = ((z_alpha * math.sqrt(square) + z_power * spread) / mean) ** 2
    if len(set(sizes)) == 1:
        needed += 2 * sizes[0] / abs(mean)
    # k rows that differ, all one way, have p = 2^(1-k): with fewer, no result is below alpha.
    fewest = math.floor(1 - math.log2(alpha)) + 1
    needed = max(needed, fewest * len(pools) / len(sizes))
    return math.ceil(needed * len(differences) / len(pools))


def minimum_detectable(
    n: int, disagree: float, power: float = 0.8, alpha: float = 0.05
) -> float | None:
    """Smallest gain in accuracy, as a share of 0 to 1, that n paired right/wrong rows can show.

    `disagree` is the share of rows on which exactly one model is right; a gain cannot exceed it,
    and None says that it would have to. Connor's formula solved for the gain: a planning figure on
    the hopeful side, since the exact test has 76% to 79% power at a result for 80%.
    """
    z_alpha, z_power = _quantiles(power, alpha)
    if n < 1 or not 0 <= disagree <= 1:
        raise ValueError(f"{n} rows with share {disagree} that differ: need n >= 1 and 0 to 1")
    under_root = n + z_power**2 - z_alpha**2
    if under_root < 0:
        return None
    gain = (z_alpha * math.sqrt(n) + z_power * math.sqrt(under_root)) / (n + z_power**2)
    gain *= math.sqrt(disagree)
    return gain if 0 < gain <= disagree else None


def _quantiles(power: float, alpha: float) -> tuple[float, float]:
    if not 0 < power < 1 or not 0 < alpha < 1:
        raise ValueError(f"power {power} and alpha {alpha} must lie between 0 and 1")
    normal = NormalDist()
    return normal.inv_cdf(1 - alpha / 2), normal.inv_cdf(power)
