"""A block, the verbs and the automatic stop, killed at any of their writes and socket calls: none left, never two at once.

After the kill the next command, or the same verb, is run; what has run does not count as running in the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults import strace
from tests.sweeping import SweptHosting

REASON = strace.unavailable()
needs_strace = pytest.mark.skipif(REASON is not None, reason=REASON or "")
WIRE = ("connect", "sendto", "recvfrom")


@dataclass(frozen=True, slots=True)
class Story:
    """What is killed, what is run then, and what has been done before it and is over its length."""

    what: str
    then: str
    before: str = ""

    def swept(self, folder: Path, wrong: str = "") -> SweptHosting:
        return SweptHosting(folder, self.what, self.then, self.before, wrong)


STORIES = {
    "a killed block is stopped by the next command": Story("block", "command"),
    "deploy and undeploy, done again": Story("verbs", "verbs"),
    "the automatic stop, done by the next command": Story("command", "command", "deploy"),
    "undeploy, done again": Story("undeploy", "undeploy", "deploy"),
}
WRONG = [
    ("a killed block is stopped by the next command", "forgets lost starts"),
    ("a killed block is stopped by the next command", "late intent"),
    ("deploy and undeploy, done again", "three POSTs"),
    ("deploy and undeploy, done again", "no find"),
    ("the automatic stop, done by the next command", "closed first"),
]


@needs_strace
@pytest.mark.parametrize("story", STORIES)
def test_killed_at_a_sample_of_its_system_calls_nothing_is_left_running(
    story: str, tmp_path: Path
) -> None:
    with STORIES[story].swept(tmp_path) as sweep:
        points = sweep.points()
        wire = [point for point in points if point[0] in WIRE]
        rest = [point for point in points if point not in wire]
        for point in wire[::2] + rest[:: len(rest) // 4]:
            sweep.kill(point)
        print(sweep.report(points))
    assert sweep.bad() == 0
    assert sweep.found["hit socket"] >= 3
    assert sweep.found["stopped"] >= 5


@needs_strace
@pytest.mark.parametrize(("story", "wrong"), WRONG)
def test_the_sweep_sees_what_is_wrong(story: str, wrong: str, tmp_path: Path) -> None:
    with STORIES[story].swept(tmp_path, wrong) as sweep:
        wire = [point for point in sweep.points() if point[0] in WIRE]
        for point in wire[::-1]:
            sweep.kill(point)
            if sweep.found["doubled"] + sweep.found["lost"]:
                break
    assert sweep.found["broken"] == 0
    assert sweep.found["doubled"] + sweep.found["lost"] > 0


@pytest.mark.torture
@needs_strace
@pytest.mark.parametrize("story", STORIES)
def test_killed_at_every_system_call_nothing_is_left_running(story: str, tmp_path: Path) -> None:
    with STORIES[story].swept(tmp_path) as sweep:
        points = sweep.points()
        for point in points:
            sweep.kill(point)
        print(sweep.report(points))
    assert sweep.bad() == 0
    assert sweep.found["hit"] == len(points)


@pytest.mark.torture
@needs_strace
@pytest.mark.parametrize(("story", "wrong"), WRONG)
def test_what_is_wrong_killed_at_every_system_call(story: str, wrong: str, tmp_path: Path) -> None:
    with STORIES[story].swept(tmp_path, wrong) as sweep:
        points = sweep.points()
        for point in points:
            sweep.kill(point)
        print(sweep.report(points))
    assert sweep.found["doubled"] + sweep.found["lost"] > 0
