"""A submission to OpenAI, with its real SDK, killed at any of its writes and socket calls and run again: one job, none lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.emulators.openai import OpenAIEmulator
from tests.faults import strace
from tests.openai_desk import CREATE
from tests.sweeping import LAG_S, SweptSubmission

REASON = strace.unavailable()
pytestmark = pytest.mark.skipif(REASON is not None, reason=REASON or "")


class SweptOpenAI(SweptSubmission):
    """The same program, with the emulator as its provider, whose first create loses its answer where it is `lossy`."""

    backend = "openai"

    def __init__(
        self, folder: Path, wrong: str = "", lag_s: float = LAG_S, *, lossy: bool = False
    ) -> None:
        super().__init__(folder, wrong, lag_s)
        self._lossy = lossy

    def hosted(self, now: str | None) -> AbstractContextManager[Any]:
        return OpenAIEmulator(run_s=0.0, listing_lag_s=self._lag_s, now=now)

    def reached(self) -> dict[str, str]:
        return {
            "SWEPT_MODEL": "openai/gpt-4.1-mini",
            "OPENAI_BASE_URL": self.provider.base_url,
            "OPENAI_API_KEY": self.provider.api_key,
        }

    def fresh(self) -> None:
        super().fresh()
        if self._lossy:
            self.provider.fault(CREATE, "close", process=True)

    def report(self, points: Sequence[Any]) -> str:
        return super().report(points) + (", the answer of the create is lost" * self._lossy)


WRONG: Mapping[str, Mapping[str, Any]] = {
    "no find": {"wrong": "no find"},
    "late intent": {"wrong": "late intent"},
    "SDK retries": {"wrong": "SDK retries", "lossy": True},  # an SDK repeats what has failed
}


def round_the_create(points: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """The create has a connection of its own, the last that is made."""
    at = max(number for number, (syscall, _) in enumerate(points) if syscall == "connect")
    return points[at : at + 20 : 4]


def test_a_submission_killed_round_its_create_has_one_job(tmp_path: Path) -> None:
    with SweptOpenAI(tmp_path) as sweep:
        points = sweep.points()
        for point in round_the_create(points):
            sweep.kill(point)
        print(sweep.report(points))
    assert sweep.bad() == 0
    assert sweep.found["one job"] > 2


@pytest.mark.parametrize("wrong", ["no find"])
def test_the_sweep_sees_a_submission_that_is_wrong(wrong: str, tmp_path: Path) -> None:
    """The other ways to be wrong are in the torture run."""
    with SweptOpenAI(tmp_path, **WRONG[wrong]) as sweep:
        points = sweep.points()
        for point in round_the_create(points):
            sweep.kill(point)
        print(sweep.report(points))
    assert sweep.found["broken"] == 0
    assert sweep.found["doubled"] + sweep.found["lost"] > 0


@pytest.mark.torture
@pytest.mark.parametrize(("lag_s", "lossy"), [(LAG_S, False), (0.0, True)])
def test_a_submission_killed_at_every_system_call_has_one_job(
    lag_s: float, lossy: bool, tmp_path: Path
) -> None:
    with SweptOpenAI(tmp_path, lag_s=lag_s, lossy=lossy) as sweep:
        points = sweep.points()
        for point in points:
            sweep.kill(point)
        print(sweep.report(points))
    assert sweep.bad() == 0
    assert sweep.found["hit"] == len(points)


@pytest.mark.torture
@pytest.mark.parametrize("wrong", WRONG)
def test_a_submission_that_is_wrong_killed_at_every_system_call(wrong: str, tmp_path: Path) -> None:
    with SweptOpenAI(tmp_path, **WRONG[wrong]) as sweep:
        points = sweep.points()
        for point in points:
            sweep.kill(point)
        print(sweep.report(points))
    assert sweep.found["doubled"] + sweep.found["lost"] > 0
