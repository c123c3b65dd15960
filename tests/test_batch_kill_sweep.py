"""A batch killed at any of its writes and socket calls, and run again: one batch, none lost; at the stand-in, at OpenAI and at Anthropic."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.emulators.anthropic import AnthropicEmulator
from tests.emulators.openai import OpenAIEmulator
from tests.faults import strace
from tests.sweeping import LAG_S, SweptBatch

REASON = strace.unavailable()
pytestmark = pytest.mark.skipif(REASON is not None, reason=REASON or "")

WRONG = ["three POSTs", "late intent", "no find"]


class SweptOpenAIBatch(SweptBatch):
    """The same program, with OpenAI's own SDK and the emulator as its provider."""

    backend = "openai"

    def hosted(self, now: str | None) -> AbstractContextManager[Any]:
        return OpenAIEmulator(batch_s=0.0, listing_lag_s=self._lag_s, now=now)

    def reached(self) -> dict[str, str]:
        return {
            "SWEPT_MODEL": "openai/gpt-4.1-mini",
            "OPENAI_BASE_URL": self.provider.base_url,
            "OPENAI_API_KEY": self.provider.api_key,
        }


class SweptAnthropicBatch(SweptBatch):
    """The same with Anthropic's, whose batches show what they are at their end: they have ended at once."""

    backend = "anthropic"

    def hosted(self, now: str | None) -> AbstractContextManager[Any]:
        return AnthropicEmulator(batch_s=0.0, listing_lag_s=self._lag_s, now=now)

    def reached(self) -> dict[str, str]:
        return {
            "SWEPT_MODEL": "anthropic/claude-haiku-5-5",
            "ANTHROPIC_BASE_URL": self.provider.base_url,
            "ANTHROPIC_API_KEY": self.provider.api_key,
        }


SWEEPS: Mapping[str, type[SweptBatch]] = {
    "fake": SweptBatch,
    "openai": SweptOpenAIBatch,
    "anthropic": SweptAnthropicBatch,
}


def round_the_start(points: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """The start has a connection of its own, the last that is made but for the looks after it."""
    connects = [number for number, (syscall, _) in enumerate(points) if syscall == "connect"]
    return points[connects[-1] : connects[-1] + 20 : 4]


@pytest.mark.parametrize("provider", SWEEPS)
def test_a_batch_killed_round_its_start_is_made_once(provider: str, tmp_path: Path) -> None:
    with SWEEPS[provider](tmp_path, lag_s=LAG_S) as sweep:
        points = sweep.points()
        assert len(points) > 100
        rest = [point for point in points if point not in round_the_start(points)]
        for point in round_the_start(points) + rest[::60]:
            sweep.kill(point)
        print(sweep.report(points))
    assert sweep.bad() == 0
    assert sweep.found["one batch"] > 2


@pytest.mark.parametrize("wrong", WRONG)
def test_the_sweep_sees_a_batch_that_is_wrong(wrong: str, tmp_path: Path) -> None:
    with SweptBatch(tmp_path, wrong, LAG_S) as sweep:
        for point in round_the_start(sweep.points()):
            sweep.kill(point)
        print(sweep.report([]))
    assert sweep.found["broken"] == 0
    assert sweep.found["doubled"] + sweep.found["lost"] > 0


@pytest.mark.torture
@pytest.mark.parametrize("provider", SWEEPS)
def test_a_batch_killed_at_every_system_call_is_made_once(provider: str, tmp_path: Path) -> None:
    with SWEEPS[provider](tmp_path, lag_s=LAG_S) as sweep:
        points = sweep.points()
        for point in points:
            sweep.kill(point)
        print(sweep.report(points))
    assert sweep.bad() == 0
    assert sweep.found["hit"] == len(points)


@pytest.mark.torture
@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("provider", SWEEPS)
def test_a_batch_that_is_wrong_killed_at_every_system_call(
    provider: str, wrong: str, tmp_path: Path
) -> None:
    if provider != "fake" and wrong == "three POSTs":
        pytest.skip("the three POSTs are those of the stand-in's client")
    with SWEEPS[provider](tmp_path, wrong, LAG_S) as sweep:
        points = sweep.points()
        for point in points:
            sweep.kill(point)
        print(sweep.report(points))
    assert sweep.found["doubled"] + sweep.found["lost"] > 0
