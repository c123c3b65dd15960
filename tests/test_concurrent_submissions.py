"""Fifty processes that submit the same thing at the same moment: one job, and all of them have it.

They wait at one gate with their imports behind them (see `faults/warm.py`): cold ones would come one after another.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.warm import Ended
from tests.sweeping import SweptSubmission

RACERS = 50


def race(sweep: SweptSubmission) -> list[Ended]:
    """All of them at once, on one empty FTKIT_HOME."""
    sweep.fresh()
    racers = [sweep.warm.start(sweep.arguments) for _ in range(RACERS)]
    sweep.warm.go()
    return [sweep.warm.wait(racer, 120) for racer in racers]


def one_job(sweep: SweptSubmission) -> bool:
    """True where every racer has the one job that the provider has; the others are shown."""
    ended = race(sweep)
    ids = {end.stdout for end in ended}
    jobs = sweep.provider.counts()["jobs"]
    failed = [end for end in ended if end.returncode]
    if not sweep.wrong:
        for end in failed[:3]:
            print(end.returncode, end.stderr)
    sweep.found["one job" if jobs == 1 and len(ids) == 1 and not failed else "not one"] += 1
    return jobs == 1 and len(ids) == 1 and not failed


def test_fifty_processes_at_once_make_one_job(tmp_path: Path) -> None:
    with SweptSubmission(tmp_path) as sweep:
        for _ in range(3):
            assert one_job(sweep)


def test_the_race_sees_submissions_that_do_not_wait_for_each_other(tmp_path: Path) -> None:
    with SweptSubmission(tmp_path, "no lock") as sweep:
        for _ in range(10):  # on a machine that is busy elsewhere a race may go well by chance
            race(sweep)
            if sweep.provider.counts()["jobs"] > 1:
                return
        raise AssertionError("ten races without the lock, and never a second job")


@pytest.mark.torture
def test_fifty_processes_at_once_make_one_job_a_hundred_times(tmp_path: Path) -> None:
    with SweptSubmission(tmp_path) as sweep:
        for _ in range(100):
            one_job(sweep)
        print(sweep.report(range(100)))
    assert sweep.found["one job"] == 100
