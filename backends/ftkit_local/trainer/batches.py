"""Which rows go into which step: pure functions, so that the order of a run can be told from its spec alone.

Rows of like length go together, because padding is computed and thrown away. The sorting happens inside pools of many
batches of a shuffled order, so that in large data a row does not meet the same neighbours every epoch.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence

POOL_BATCHES = 50


def epoch_batches(
    lengths: Sequence[int], seed: int, epoch: int, batch_size: int
) -> list[tuple[int, ...]]:
    """Indices of every step of one epoch (0, 1, ...); each index occurs once. `lengths` are tokens."""
    chance = random.Random(f"ftkit:{seed}:{epoch}")
    order = list(range(len(lengths)))
    chance.shuffle(order)
    pool = batch_size * POOL_BATCHES
    batches = []
    for start in range(0, len(order), pool):
        by_length = sorted(order[start : start + pool], key=lambda index: lengths[index])
        for first in range(0, len(by_length), batch_size):
            batches.append(tuple(by_length[first : first + batch_size]))
    chance.shuffle(batches)
    return batches


def batches_of_run(
    lengths: Sequence[int], seed: int, batch_size: int, steps: int
) -> Iterator[tuple[int, tuple[int, ...]]]:
    """`(epoch, indices)` of each step of a run, epochs counted from 0; the last epoch may be cut short."""
    done = epoch = 0
    while done < steps:
        for batch in epoch_batches(lengths, seed, epoch, batch_size)[: steps - done]:
            yield epoch, batch
            done += 1
        epoch += 1


def micro_batches(lengths: Sequence[int], token_budget: int) -> list[tuple[int, ...]]:
    """Split one step into pieces whose padded size (rows x longest) stays within the budget, or one row."""
    order = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    pieces: list[tuple[int, ...]] = []
    first = 0
    while first < len(order):
        rows = max(1, token_budget // max(1, lengths[order[first]]))
        pieces.append(tuple(order[first : first + rows]))
        first += rows
    return pieces


def steps_of(sequences: int, batch_size: int, epochs: float) -> int:
    """Optimiser steps of so many epochs, at least 1; a fraction of an epoch is rounded up to whole steps."""
    per_epoch = math.ceil(sequences / batch_size)
    return max(1, math.ceil(per_epoch * epochs - 1e-9))
