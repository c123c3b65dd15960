"""A submission killed at a random moment of its life, and run again: one job, none lost.

The runs begin warm (see `faults/warm.py`), so that the moments fall into the submission and not into imports. How far
each had come is read from a copy of its ledger, which opening would change.
"""

from __future__ import annotations

import os
import random
import signal
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.sweeping import LAG_S, SweptSubmission, how_far

UNDISTURBED_RUNS = 5
MOMENTS = 50  # of one measured life; then it is measured again, because a machine's pace changes


@dataclass(frozen=True, slots=True)
class Life:
    """An undisturbed run, in real seconds since its first line.

    `locked`: it has taken the lock of its work and opens the ledger; `written`: its last change is in the ledger.
    """

    locked: float
    written: float
    end: float

    def moments(self, count: int, seed: int) -> list[float]:
        """Half of them anywhere in the life, half of them while the ledger is written and the money flows."""
        chance = random.Random(seed)
        spans = ((0.0, self.end), (self.locked, self.written))
        return [chance.uniform(*spans[number % 2]) for number in range(count)]


def life(sweep: SweptSubmission) -> Life:
    """The median life. What the files say of when they were touched disturbs nobody."""
    lives = []
    for _ in range(UNDISTURBED_RUNS):
        sweep.fresh()
        pid = sweep.warm.start(sweep.arguments)
        began, began_at = time.monotonic(), time.time()
        sweep.warm.go()
        assert sweep.warm.wait(pid).returncode == 0
        end = time.monotonic() - began
        locked = min(path.stat().st_mtime for path in (sweep.home / "locks").iterdir())
        written = (sweep.home / "ledger.exists").stat().st_mtime
        lives.append((max(0.0, locked - began_at), written - began_at, end))
    return Life(*(statistics.median(times) for times in zip(*lives, strict=True)))


def kill_after(sweep: SweptSubmission, seconds: float) -> None:
    """Kill a run this many seconds after its first line, and run again."""
    sweep.fresh()
    pid = sweep.warm.start(sweep.arguments)
    sweep.warm.go()
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    killed = sweep.warm.wait(pid).returncode == -signal.SIGKILL
    came_to = how_far(sweep.home) if killed else "its end"
    sweep.found[f"hit at: {came_to}"] += 1
    sweep.count(f"{seconds:.4f} s, at: {came_to}")


def sweep_moments(sweep: SweptSubmission, count: int, seed: int) -> int:
    """Strike at `count` moments; how many fell between the first write to the ledger and the end."""
    for done in range(0, count, MOMENTS):
        for moment in life(sweep).moments(MOMENTS, seed + done):
            kill_after(sweep, moment)
    outside = sweep.found["hit at: no ledger"] + sweep.found["hit at: its end"]
    print(sweep.report(range(count)), f"{count - outside} in the ledger")
    return count - outside


def test_a_submission_killed_at_fifty_random_moments_has_one_job(tmp_path: Path) -> None:
    with SweptSubmission(tmp_path, lag_s=LAG_S) as sweep:
        inside = sweep_moments(sweep, 50, seed=1)
    assert sweep.bad() == 0
    assert inside >= 10


def test_random_moments_see_a_submission_whose_intent_is_written_late(tmp_path: Path) -> None:
    with SweptSubmission(tmp_path, "late intent", LAG_S) as sweep:
        undisturbed = life(sweep)
        for moment in undisturbed.moments(200, seed=3):
            kill_after(sweep, moment)
            if sweep.found["doubled"]:  # enough: the machine's pace decides which moment it is
                break
    assert sweep.found["doubled"] > 0


@pytest.mark.torture
def test_a_submission_killed_at_a_thousand_random_moments_has_one_job(tmp_path: Path) -> None:
    with SweptSubmission(tmp_path, lag_s=LAG_S) as sweep:
        inside = sweep_moments(sweep, 1000, seed=2)
    assert sweep.bad() == 0
    assert inside >= 200
