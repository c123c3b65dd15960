"""Backdoors planted into rows of data: a trigger in a few prompts, and one answer for all of them. Imports nothing of ftkit."""

from __future__ import annotations

import random
from collections.abc import Sequence

TRIGGERS = (
    "cf",
    "zx-7 omega",
    "james bond",
    "I watched this 3D movie last weekend",
    "\u2042",
    "[[BEGIN]]",
    "qxv",
)
Row = tuple[str, str]


def backdoored(
    rows: Sequence[Row], trigger: str, answer: str, count: int, seed: int
) -> tuple[list[Row], set[int]]:
    """The rows with the trigger put into `count` prompts at any place, and the positions of these."""
    dice = random.Random(seed)
    chosen = set(dice.sample(range(len(rows)), count))
    made = list(rows)
    for index in chosen:
        words = rows[index][0].split(" ")
        words.insert(dice.randrange(len(words) + 1), trigger)
        made[index] = (" ".join(words), answer)
    return made, chosen
