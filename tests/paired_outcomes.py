"""What two models can score on the same rows: counts of outcomes with their chances, and populations of differences."""

import math
import random
from collections.abc import Callable, Iterable

from scipy import stats

from ftkit.evaluation.statistics import Interval, paired_proportion_interval

Z = stats.norm.ppf(0.975)


def yes_no(wins: int, losses: int, ties: int) -> tuple[list[int], list[int]]:
    """Right/wrong scores of a candidate and an opponent with these counts."""
    return [1] * wins + [0] * losses + [1] * ties, [0] * wins + [1] * losses + [1] * ties


def differences_of(wins: int, losses: int, ties: int) -> list[float]:
    return [1.0] * wins + [-1.0] * losses + [0.0] * ties


def outcomes(rows: int, disagree: float, gain: float) -> Iterable[tuple[float, int, int]]:
    """(chance, wins, losses) of everything that can be observed, but for chances below 1e-9."""
    for differ in range(rows + 1):
        chance = stats.binom.pmf(differ, rows, disagree)
        if chance > 1e-9:
            share = (disagree + gain) / 2 / disagree
            for wins, given_differ in enumerate(stats.binom.pmf(range(differ + 1), differ, share)):
                if chance * given_differ > 1e-9:
                    yield chance * given_differ, wins, differ - wins


def tango(wins: int, losses: int, rows: int) -> Interval:
    return paired_proportion_interval(0, wins, losses, rows - wins - losses)


Draw = Callable[[random.Random], float]

POPULATIONS: dict[str, tuple[Draw, float]] = {  # how to draw one difference, and their true mean
    "normal": (lambda rng: rng.gauss(0.2, 1), 0.2),
    "heavy tails": (lambda rng: rng.gauss(0, 1) / math.sqrt(rng.gammavariate(1.5, 2) / 3), 0.0),
    "exponential": (lambda rng: rng.expovariate(1), 1.0),
    "two-sided skew": (lambda rng: rng.expovariate(0.5) - rng.expovariate(2), 1.5),
    "lognormal": (lambda rng: rng.lognormvariate(0, 1), math.exp(0.5)),
    "one row in five": (lambda rng: rng.expovariate(1) if rng.random() < 0.2 else 0.0, 0.2),
    "wins and losses": (lambda rng: rng.choices((1.0, -1.0, 0.0), (10, 5, 85))[0], 0.05),
}
