"""A submission and a deployment at Azure, killed at any of their writes and socket calls and run again: one, and none left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.azure_desk import BASE, CREATE, DELETE, PUT, section
from tests.emulators.azure import AzureEmulator
from tests.faults import strace
from tests.faults.warm import Ended
from tests.sweeping import LAG_S, Swept, SweptDeployment, SweptSubmission
from tests.test_openai_kill_sweep import round_the_create

REASON = strace.unavailable()
pytestmark = pytest.mark.skipif(REASON is not None, reason=REASON or "")
_TRIES = 10


class _AtAzure(Swept):
    """The same program, with the emulator as its provider, whose first `lossy` call loses its answer."""

    backend = "azure"

    def __init__(
        self, folder: Path, wrong: str = "", lag_s: float = LAG_S, *, lossy: str = ""
    ) -> None:
        super().__init__(folder, wrong, lag_s)
        self._lossy = lossy

    def kill(self, point: tuple[str, int]) -> None:
        """Again where the call was not made: an answer is read in one piece or in two, which is not the same each time."""
        before = self.found["hit"]
        for _ in range(_TRIES):
            super().kill(point)
            if self.found["hit"] > before:
                return

    def hosted(self, now: str | None) -> AbstractContextManager[Any]:
        return AzureEmulator(
            run_s=0.0, listing_lag_s=self._lag_s, now=now, capacity_quota=100_000, quota_lag_s=0.0
        )

    def settings(self) -> str:
        given = section(self.provider)
        del given["backend"]
        return "".join(f'{name} = "{value}"\n' for name, value in given.items())

    def reached(self) -> dict[str, str]:
        return {
            "SWEPT_MODEL": "azure/gpt-4.1-mini",
            "SWEPT_DEPLOYED": f"azure/{BASE}",
            "AZURE_OPENAI_API_KEY": self.provider.api_key,
            "AZURE_MANAGEMENT_TOKEN": self.provider.arm_token,
        }

    def fresh(self) -> None:
        super().fresh()
        if self._lossy:
            self.provider.fault(self._lossy, "close", process=True)

    def report(self, points: Sequence[Any]) -> str:
        return super().report(points) + (
            f", the answer of {self._lossy} is lost" * bool(self._lossy)
        )


class SweptCreate(_AtAzure, SweptSubmission):
    """One job."""


class SweptStart(_AtAzure, SweptDeployment):
    """None left running, and never two at the same time."""

    def verdict(self, again: Ended) -> str:
        counts = self.provider.counts()
        if self._most_at_once(counts["deploy_starts"]) > 1:
            return "doubled"
        if again.returncode in (0, 4) and counts["running"]:
            return "lost"
        return {0: "stopped", 4: "unsettled"}.get(again.returncode, "broken")

    def _most_at_once(self, started: Mapping[str, int]) -> int:
        """A start that was cut in the middle is in the log and made nothing."""
        running: set[str] = set()
        most = 0
        for request in self.provider.log():
            name = request["path"].rpartition("/")[2]
            if request["route"] == PUT and name in started:
                running.add(name)
                most = max(most, len(running))
            elif request["route"] == DELETE:
                running.discard(name)
        return most


def near_the_start(points: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """The start has a connection of its own, the second of the control plane's."""
    connects = [n for n, (syscall, _) in enumerate(points) if syscall == "connect"]
    return points[connects[1] : connects[1] + 24 : 3]


def test_a_submission_killed_round_its_create_has_one_job(tmp_path: Path) -> None:
    with SweptCreate(tmp_path) as sweep:
        points = sweep.points()
        for point in round_the_create(points)[::2]:
            sweep.kill(point)
        print(sweep.report(points))
    assert sweep.bad() == 0
    assert sweep.found["one job"] > 1


def test_a_deployment_killed_near_its_start_is_stopped(tmp_path: Path) -> None:
    with SweptStart(tmp_path) as sweep:
        points = sweep.points()
        for point in near_the_start(points)[::2]:
            sweep.kill(point)
        print(sweep.report(points))
    assert sweep.bad() == 0
    assert sweep.found["stopped"] > 2


@pytest.mark.torture
@pytest.mark.parametrize(
    ("kind", "wrong"), [(SweptCreate, "no find"), (SweptStart, "another name")]
)
def test_the_sweep_sees_what_is_wrong(kind: type[_AtAzure], wrong: str, tmp_path: Path) -> None:
    with kind(tmp_path, wrong) as sweep:
        points = sweep.points()
        for point in (round_the_create if kind is SweptCreate else near_the_start)(points):
            sweep.kill(point)
        print(sweep.report(points))
    assert sweep.found["broken"] == 0
    assert sweep.found["doubled"] + sweep.found["lost"] > 0


@pytest.mark.torture
@pytest.mark.parametrize(("lag_s", "lossy"), [(LAG_S, ""), (0.0, CREATE)])
def test_a_submission_killed_at_every_system_call_has_one_job(
    lag_s: float, lossy: str, tmp_path: Path
) -> None:
    with SweptCreate(tmp_path, lag_s=lag_s, lossy=lossy) as sweep:
        points = sweep.points()
        for point in points:
            sweep.kill(point)
        print(sweep.report(points))
    assert sweep.bad() == 0
    assert sweep.found["hit"] == len(points)


@pytest.mark.torture
@pytest.mark.parametrize(("lag_s", "lossy"), [(LAG_S, ""), (0.0, PUT), (0.0, DELETE)])
def test_a_deployment_killed_at_every_system_call_is_stopped(
    lag_s: float, lossy: str, tmp_path: Path
) -> None:
    with SweptStart(tmp_path, lag_s=lag_s, lossy=lossy) as sweep:
        points = sweep.points()
        for point in points:
            sweep.kill(point)
        print(sweep.report(points))
    assert sweep.bad() == 0
    assert sweep.found["hit"] == len(points)
