"""The Google backend on the emulator, as the conformance suite takes it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from ftkit.testing.conformance import Subject
from ftkit.testing.conformance.subject import PaidCall
from tests.emulators.google import GoogleEmulator
from tests.emulators.serving.driving import with_objects
from tests.google_desk import BASE, CREATE, NOON, lead

_RUN_S = 0.3
_LONG_S = 3.0


@contextmanager
def subject() -> Iterator[Subject]:
    """A subject with its emulator running; jobs of a test that is over do not hold up the next one's."""
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory() as folder,
        GoogleEmulator(run_s=_RUN_S, concurrent_jobs=50, now=NOON) as emulator,
    ):
        lead({"FTKIT_NOW": NOON, "NO_GCE_CHECK": "true"}, patch)
        patch.delenv("FTKIT_NOW_ANCHOR", raising=False)
        steered = Steered(emulator)
        section = {
            "backend": "google",
            "project": emulator.project,
            "bucket": emulator.bucket,
            "endpoint": emulator.base_url_template,
            "storage_endpoint": emulator.storage_url,
            "listing_lag_s": 0.5,
            "poll_s": 0.05,
        }
        yield Subject(
            "under-test",
            section,
            BASE,
            hyperparameters={"epochs": 2},
            environment={
                "GOOGLE_APPLICATION_CREDENTIALS": str(emulator.credentials_file(Path(folder)))
            },
            witness=steered,
            faults=steered,
            unreachable={**section, "endpoint": "http://127.0.0.1:9"},
            method_bases={"dpo": "gemini-2.5-flash", "full": "gemma-3-1b-it"},
            reply_with=lambda answer: emulator.reply_with(with_objects(answer)),
            heard=emulator.heard,
            slowly=steered.slowly,
            crowd=lambda jobs: _crowd(emulator, jobs),
            say_status=lambda id, word: _say(emulator, id, word),
        )


class Steered:
    """The emulator as witness and as source of faults."""

    def __init__(self, emulator: GoogleEmulator) -> None:
        self._emulator = emulator

    def jobs(self) -> Mapping[str, int]:
        """Jobs by key."""
        keys: Mapping[str, int] = self._emulator.counts()["labels"].get("ftkit_key", {})
        return keys

    def deployments(self) -> Mapping[str, int]:
        """There are none."""
        return {}

    def batches(self) -> Mapping[str, int]:
        """There are none."""
        return {}

    def lose_reply(self, call: PaidCall) -> None:
        """The job is made, and the connection is closed."""
        self._emulator.fault(CREATE, "close", process=True)

    def refuse(self, call: PaidCall) -> None:
        """The project's quota is used up."""
        self._emulator.refuse(CREATE, "RESOURCE_EXHAUSTED")

    def unavailable(self, times: int, retry_after_s: float) -> None:
        """A 503 with Retry-After."""
        self._emulator.refuse("*", "UNAVAILABLE", retry_after=retry_after_s, times=times)

    @contextmanager
    def slowly(self) -> Iterator[None]:
        """A job takes its time."""
        self._emulator.set(run_s=_LONG_S)
        try:
            yield
        finally:
            self._emulator.set(run_s=_RUN_S)

    def clear(self) -> None:
        """No faults."""
        self._emulator.clear_faults()


def _crowd(emulator: GoogleEmulator, jobs: int) -> None:
    emulator.plant(jobs)


def _say(emulator: GoogleEmulator, id: str, word: str) -> None:
    emulator.patch_job(id, state=word)
