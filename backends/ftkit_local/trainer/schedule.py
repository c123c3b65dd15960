"""The learning rate as a pure function of the step: the same after a restart, and printable before a run."""

from __future__ import annotations

import math


def warmup_steps(steps: int, warmup_ratio: float) -> int:
    """Steps before the peak; a run always has a step at its peak."""
    return min(round(steps * warmup_ratio), steps - 1)


def learning_rate(
    step: int, *, steps: int, peak: float, schedule: str, warmup_ratio: float
) -> float:
    """The rate of step 1..steps.

    It rises in equal steps to `peak` right after the warm-up and then stays ("constant") or falls as a line or half a
    cosine that would reach 0 one step after the last. Unlike the usual form it is never 0, so no step is wasted.
    """
    warmup = warmup_steps(steps, warmup_ratio)
    if step <= warmup:
        return peak * step / (warmup + 1)
    done = (step - 1 - warmup) / (steps - warmup)
    if schedule == "linear":
        return peak * (1 - done)
    if schedule == "cosine":
        return peak * (1 + math.cos(math.pi * done)) / 2
    return peak
