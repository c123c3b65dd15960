"""A submission killed at any of its writes and socket calls, and run again: one job, none lost.

A few kill points in the normal run, all of them in the torture run; and the same sweep of submissions that are wrong in
one way each: there it must count jobs that are doubled or lost.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import strace
from tests.sweeping import LAG_S, SweptSubmission

REASON = strace.unavailable()
pytestmark = pytest.mark.skipif(REASON is not None, reason=REASON or "")

WRONG = ["three POSTs", "late intent", "no find"]


def near_the_create(points: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """The create has a connection of its own, so that the last connect is where money begins to flow."""
    at = max(number for number, (syscall, _) in enumerate(points) if syscall == "connect")
    return points[at : at + 20 : 4]


def test_a_submission_killed_at_a_sample_of_its_system_calls_has_one_job(tmp_path: Path) -> None:
    with SweptSubmission(tmp_path) as sweep:
        points = sweep.points()
        assert len(points) > 200
        wire = [point for point in points if point[0] in ("connect", "sendto", "recvfrom")]
        rest = [point for point in points if point not in wire]
        for point in wire[::3] + rest[::30]:
            sweep.kill(point)
        print(sweep.report(points))
    assert sweep.bad() == 0
    assert sweep.found["hit socket"] > 3
    assert sweep.found["hit ledger"] > 4
    assert sweep.found["one job"] > 10


def test_a_submission_killed_round_its_create_has_one_job_though_the_provider_lists_it_late(
    tmp_path: Path,
) -> None:
    with SweptSubmission(tmp_path, lag_s=LAG_S) as sweep:
        for point in near_the_create(sweep.points()):
            sweep.kill(point)
    assert sweep.bad() == 0
    assert sweep.found["one job"] > 2


@pytest.mark.parametrize("wrong", WRONG)
def test_the_sweep_sees_a_submission_that_is_wrong(wrong: str, tmp_path: Path) -> None:
    with SweptSubmission(tmp_path, wrong, LAG_S) as sweep:
        for point in near_the_create(sweep.points()):
            sweep.kill(point)
    assert sweep.found["broken"] == 0
    assert sweep.found["doubled"] + sweep.found["lost"] > 0


@pytest.mark.torture
@pytest.mark.parametrize("lag_s", [0.0, LAG_S])
def test_a_submission_killed_at_every_system_call_has_one_job(lag_s: float, tmp_path: Path) -> None:
    with SweptSubmission(tmp_path, lag_s=lag_s) as sweep:
        points = sweep.points()
        for point in points:
            sweep.kill(point)
        print(sweep.report(points))
    assert sweep.bad() == 0
    assert sweep.found["hit"] == len(points)


@pytest.mark.torture
@pytest.mark.parametrize("wrong", WRONG)
def test_a_submission_that_is_wrong_killed_at_every_system_call(wrong: str, tmp_path: Path) -> None:
    with SweptSubmission(tmp_path, wrong, LAG_S) as sweep:
        points = sweep.points()
        for point in points:
            sweep.kill(point)
        print(sweep.report(points))
    assert sweep.found["doubled"] + sweep.found["lost"] > 0
