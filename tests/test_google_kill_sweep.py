"""A submission to Google, with its real SDK, killed at any of its writes and socket calls and run again: one job, none lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.emulators.google import GoogleEmulator
from tests.faults import strace
from tests.google_desk import BASE, CREATE, reached
from tests.sweeping import LAG_S, SweptSubmission

REASON = strace.unavailable()
pytestmark = pytest.mark.skipif(REASON is not None, reason=REASON or "")


class SweptGoogle(SweptSubmission):
    """The same program, with the emulator as its provider, whose first create loses its answer where it is `lossy`."""

    backend = "google"

    def __init__(
        self, folder: Path, wrong: str = "", lag_s: float = LAG_S, *, lossy: bool = False
    ) -> None:
        super().__init__(folder, wrong, lag_s)
        self._lossy = lossy

    def hosted(self, now: str | None) -> AbstractContextManager[Any]:
        return GoogleEmulator(run_s=0.0, listing_lag_s=self._lag_s, **({"now": now} if now else {}))

    def reached(self) -> dict[str, str]:
        return {"SWEPT_MODEL": f"google/{BASE}", **reached(self.provider, self.folder)}

    def fresh(self) -> None:
        super().fresh()
        if self._lossy:
            # what the SDK repeats by itself where it may: not a connection that ends without a word
            self.provider.refuse(CREATE, "UNAVAILABLE", process=True)

    def report(self, points: Sequence[Any]) -> str:
        return super().report(points) + (", the answer of the create is lost" * self._lossy)


WRONG: Mapping[str, Mapping[str, Any]] = {
    "no find": {"wrong": "no find"},
    "late intent": {"wrong": "late intent"},
    "Google's retries": {"wrong": "Google's retries", "lossy": True},
}


def round_the_create(points: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """The create has a connection of its own, the last that is made."""
    at = max(number for number, (syscall, _) in enumerate(points) if syscall == "connect")
    return points[at : at + 18 : 6]


def test_a_submission_killed_round_its_create_has_one_job(tmp_path: Path) -> None:
    with SweptGoogle(tmp_path) as sweep:
        points = sweep.points()
        for point in round_the_create(points):
            sweep.kill(point)
        print(sweep.report(points))
    assert sweep.bad() == 0
    assert sweep.found["one job"] > 1


def test_the_sweep_sees_a_submission_that_is_wrong(tmp_path: Path) -> None:
    """The other ways to be wrong are in the torture run."""
    with SweptGoogle(tmp_path, **WRONG["no find"]) as sweep:
        points = sweep.points()
        for point in round_the_create(points)[-2:]:
            sweep.kill(point)
        print(sweep.report(points))
    assert sweep.found["broken"] == 0
    assert sweep.found["doubled"] + sweep.found["lost"] > 0


@pytest.mark.torture
@pytest.mark.parametrize(("lag_s", "lossy"), [(LAG_S, False), (0.0, True)])
def test_a_submission_killed_at_every_system_call_has_one_job(
    lag_s: float, lossy: bool, tmp_path: Path
) -> None:
    with SweptGoogle(tmp_path, lag_s=lag_s, lossy=lossy) as sweep:
        points = sweep.points()
        for point in points:
            sweep.kill(point)
        print(sweep.report(points))
    assert sweep.bad() == 0
    assert sweep.found["hit"] == len(points)


@pytest.mark.torture
@pytest.mark.parametrize("wrong", WRONG)
def test_a_submission_that_is_wrong_killed_at_every_system_call(wrong: str, tmp_path: Path) -> None:
    with SweptGoogle(tmp_path, **WRONG[wrong]) as sweep:
        points = sweep.points()
        for point in points:
            sweep.kill(point)
        print(sweep.report(points))
    assert sweep.found["doubled"] + sweep.found["lost"] > 0
