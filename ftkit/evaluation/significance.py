"""Paired tests of "the two models score the same", and the correction for asking several times."""

import math
import random
from collections.abc import Sequence
from operator import getitem

from ftkit.evaluation.clusters import pooled

EXACT_UP_TO = 16  # clusters that differ; 2^16 sign patterns take some 10 ms


def mcnemar(wins: int, losses: int) -> float:
    """Exact two-sided p of wins against losses, rows where both did the same left out.

    Twice the smaller tail of Binomial(wins + losses, 1/2), at most 1; 1.0 when no row differs.
    Source: McNemar, Psychometrika 12 (1947) 153, with the binomial in place of chi-squared.
    """
    if min(wins, losses) < 0:
        raise ValueError(f"{wins} wins and {losses} losses: a count cannot be negative")
    trials = wins + losses
    tail = ways = 1
    for k in range(min(wins, losses)):
        ways = ways * (trials - k) // (k + 1)
        tail += ways
    return min(1.0, 2 * tail / (1 << trials))


def sign_flip_p(
    differences: Sequence[float],
    clusters: Sequence[object] | None = None,
    resamples: int = 4000,
    seed: int = 0,
) -> float:
    """Two-sided p of a mean difference of 0: how often random signs give a mean as far from 0.

    If the two models are interchangeable, each cluster's difference could as well have had the
    other sign. Every pattern is tried up to 16 clusters that differ, which for 0/1 scores is
    McNemar's exact test; beyond, `resamples` random ones, the observed one counted in, so that p is
    never 0 (Phipson and Smyth, arXiv 1603.05766) and never below 1 / (resamples + 1).
    """
    totals = [total for total, _ in pooled(differences, clusters) if total != 0]
    sizes = sorted(abs(total) for total in totals)
    observed = abs(math.fsum(totals))
    reached = observed - 1e-10 * math.fsum(sizes)  # equal sums may differ in their last bits
    if len(sizes) <= EXACT_UP_TO:
        sums = _signed_sums(sizes)
        return sum(1 for total in sums if abs(total) >= reached) / len(sums)
    # Eight signs to a random byte: one table look-up replaces eight additions.
    tables = [_signed_sums(sizes[start : start + 8]) for start in range(0, len(sizes), 8)]
    masks = [len(table) - 1 for table in tables]
    rng = random.Random(seed)
    hits = 1
    for _ in range(resamples):
        signs = (byte & mask for byte, mask in zip(rng.randbytes(len(tables)), masks, strict=True))
        hits += abs(sum(map(getitem, tables, signs))) >= reached
    return hits / (resamples + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """p values corrected for their number, in the given order: with all hypotheses true, the chance
    that any falls below alpha is at most alpha. Source: Holm, Scand. J. Statistics 6 (1979) 65."""
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        running = max(running, (len(p_values) - rank) * p_values[index])
        adjusted[index] = min(1.0, running)
    return adjusted


def _signed_sums(sizes: Sequence[float]) -> list[float]:
    """The 2^len(sizes) sums of the sizes under every pattern of signs."""
    sums = [0.0]
    for size in sizes:
        sums = [total + size for total in sums] + [total - size for total in sums]
    return sums
