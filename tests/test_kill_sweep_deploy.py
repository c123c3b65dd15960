"""A deployment killed at any of its writes and socket calls, and run again: none left running, never two at once.

The program starts a deployment, asks it one question and leaves its `with` block; so does the run after the kill.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.faults import strace
from tests.sweeping import LAG_S, SweptDeployment, most_at_once

REASON = strace.unavailable()
needs_strace = pytest.mark.skipif(REASON is not None, reason=REASON or "")

WRONG = ["three POSTs", "late intent", "no find"]


def near_the_start(points: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """The start has a connection of its own, the last that is made: chat and stop use the first again."""
    at = max(number for number, (syscall, _) in enumerate(points) if syscall == "connect")
    return points[at : at + 20 : 4]


@needs_strace
def test_a_deployment_killed_at_a_sample_of_its_system_calls_is_stopped(tmp_path: Path) -> None:
    with SweptDeployment(tmp_path, lag_s=LAG_S) as sweep:
        points = sweep.points()
        assert len(points) > 150
        wire = [point for point in points if point[0] in ("connect", "sendto", "recvfrom")]
        rest = [point for point in points if point not in wire]
        for point in wire[::3] + rest[::40]:
            sweep.kill(point)
        print(sweep.report(points))
    assert sweep.bad() == 0
    assert sweep.found["hit socket"] > 3
    assert sweep.found["stopped"] > 6


@needs_strace
@pytest.mark.parametrize("wrong", WRONG)
def test_the_sweep_sees_a_deployment_that_is_wrong(wrong: str, tmp_path: Path) -> None:
    with SweptDeployment(tmp_path, wrong, LAG_S) as sweep:
        for point in near_the_start(sweep.points()):
            sweep.kill(point)
    assert sweep.found["broken"] == 0
    assert sweep.found["doubled"] + sweep.found["lost"] > 0


@pytest.mark.torture
@needs_strace
def test_a_deployment_killed_at_every_system_call_is_stopped(tmp_path: Path) -> None:
    with SweptDeployment(tmp_path, lag_s=LAG_S) as sweep:
        points = sweep.points()
        for point in points:
            sweep.kill(point)
        print(sweep.report(points))
    assert sweep.bad() == 0
    assert sweep.found["hit"] == len(points)


@pytest.mark.torture
@needs_strace
@pytest.mark.parametrize("wrong", WRONG)
def test_a_deployment_that_is_wrong_killed_at_every_system_call(wrong: str, tmp_path: Path) -> None:
    with SweptDeployment(tmp_path, wrong, LAG_S) as sweep:
        points = sweep.points()
        for point in points:
            sweep.kill(point)
        print(sweep.report(points))
    assert sweep.found["doubled"] + sweep.found["lost"] > 0


START = {"method": "POST", "path": "/v1/deployments"}
STOP = {"method": "DELETE", "path": "/v1/deployments/dep-1"}


@pytest.mark.parametrize(
    ("log", "created", "most"),
    [
        ([], 0, 0),
        ([START, STOP, START], 2, 1),
        ([START, START, STOP], 2, 2),
        ([START], 0, 0),  # killed in the middle of its request
    ],
)
def test_two_deployments_at_once_are_told_from_two_after_each_other(
    log: list[dict[str, Any]], created: int, most: int
) -> None:
    assert most_at_once(log, created) == most
