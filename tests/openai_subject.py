"""The OpenAI backend on the emulator, as the conformance suite takes it.

The suite accepts no base that retires soon, so all of it lives in a September in which no base does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from ftkit.testing.conformance import Subject
from ftkit.testing.conformance.subject import PaidCall
from tests.emulators.openai import OpenAIEmulator

BASE = "gpt-4o-mini-2024-07-18"
CREATE = "POST /v1/fine_tuning/jobs"
PAID = {"submit": CREATE, "batch": "POST /v1/batches"}
SEPTEMBER = "2026-09-15T12:00:00+00:00"
_RUN_S = 0.3
_LONG_S = 3.0


@contextmanager
def subject() -> Iterator[Subject]:
    """A subject with its emulator running."""
    with (
        pytest.MonkeyPatch.context() as patch,
        OpenAIEmulator(run_s=_RUN_S, batch_s=_RUN_S, now=SEPTEMBER) as emulator,
    ):
        for name in ("OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
            patch.delenv(name, raising=False)
        patch.setenv("FTKIT_NOW", SEPTEMBER)
        patch.delenv("FTKIT_NOW_ANCHOR", raising=False)
        steered = Steered(emulator)
        section = {
            "backend": "openai",
            "base_url": emulator.base_url,
            "listing_lag_s": 0.5,
            "poll_s": 0.05,
        }
        yield Subject(
            "under-test",
            section,
            BASE,
            hyperparameters={"epochs": 2, "batch_size": 4},
            long_run={"batch_size": 1},
            environment={"OPENAI_API_KEY": emulator.api_key},
            witness=steered,
            faults=steered,
            unreachable={**section, "base_url": "http://127.0.0.1:9/v1"},
            slowly=steered.slowly,
            method_bases={"dpo": "gpt-4.1-mini-2025-04-14"},
            reply_with=emulator.reply_with,
            heard=emulator.heard,
            crowd=lambda jobs: _crowd(emulator, jobs),
            say_status=lambda id, word: _say(emulator, id, word),
        )


class Steered:
    """The emulator as witness and as source of faults."""

    def __init__(self, emulator: OpenAIEmulator) -> None:
        self._emulator = emulator

    def jobs(self) -> Mapping[str, int]:
        """Jobs by key."""
        keys: Mapping[str, int] = self._emulator.counts()["metadata"].get("ftkit_key", {})
        return keys

    def deployments(self) -> Mapping[str, int]:
        """There are none."""
        return {}

    def batches(self) -> Mapping[str, int]:
        """Batches by key."""
        keys: Mapping[str, int] = self._emulator.counts()["batch_metadata"].get("ftkit_key", {})
        return keys

    def lose_reply(self, call: PaidCall) -> None:
        """What is paid for is made, and the connection is closed."""
        self._emulator.fault(PAID[call], "close", process=True)

    def refuse(self, call: PaidCall) -> None:
        """The organisation is shut out of training, or has no credit left."""
        code = "training_not_available" if call == "submit" else "insufficient_quota"
        self._emulator.refuse(PAID[call], code)

    def unavailable(self, times: int, retry_after_s: float) -> None:
        """A 503 with Retry-After."""
        self._emulator.refuse("*", "server_is_overloaded", retry_after=retry_after_s, times=times)

    @contextmanager
    def slowly(self) -> Iterator[None]:
        """A job takes its time."""
        self._emulator.set(run_s=_LONG_S, batch_s=_LONG_S)
        try:
            yield
        finally:
            self._emulator.set(run_s=_RUN_S, batch_s=_RUN_S)

    def clear(self) -> None:
        """No faults."""
        self._emulator.clear_faults()


def _crowd(emulator: OpenAIEmulator, jobs: int) -> None:
    emulator.plant(jobs)


def _say(emulator: OpenAIEmulator, id: str, word: str) -> None:
    emulator.patch_job(id, status=word)
