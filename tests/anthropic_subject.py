"""The Anthropic backend on the emulator, as the conformance suite takes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from ftkit.testing.conformance import Subject
from ftkit.testing.conformance.subject import PaidCall
from tests.anthropic_desk import BATCH, HAIKU, NOON, batch_keys
from tests.anthropic_fixtures import OWN_VARIABLES
from tests.emulators.anthropic import AnthropicEmulator
from tests.emulators.serving.driving import with_objects

_BATCH_S = 0.3
_LONG_S = 3.0


@contextmanager
def subject() -> Iterator[Subject]:
    """A subject with its emulator running."""
    with (
        pytest.MonkeyPatch.context() as patch,
        AnthropicEmulator(now=NOON, batch_s=_BATCH_S) as emulator,
    ):
        for name in ("ANTHROPIC_BASE_URL", *OWN_VARIABLES):
            patch.delenv(name, raising=False)
        patch.setenv("FTKIT_NOW", NOON)
        patch.delenv("FTKIT_NOW_ANCHOR", raising=False)
        section = {
            "backend": "anthropic",
            "base_url": emulator.base_url,
            "listing_lag_s": 0.5,
            "poll_s": 0.05,
        }
        steered = Steered(emulator)
        yield Subject(
            "under-test",
            section,
            HAIKU,
            environment={"ANTHROPIC_API_KEY": emulator.api_key},
            witness=steered,
            faults=steered,
            slowly=steered.slowly,
            reply_with=lambda answer: emulator.reply_with(with_objects(answer)),
            heard=emulator.heard,
            unreachable={**section, "base_url": "http://127.0.0.1:9"},
        )


class Steered:
    """The emulator as witness and as source of faults."""

    def __init__(self, emulator: AnthropicEmulator) -> None:
        self._emulator = emulator

    def jobs(self) -> Mapping[str, int]:
        """There are none."""
        return {}

    def deployments(self) -> Mapping[str, int]:
        """There are none."""
        return {}

    def batches(self) -> Mapping[str, int]:
        """Batches by key."""
        return batch_keys(self._emulator)

    def lose_reply(self, call: PaidCall) -> None:
        """The batch is made, and the connection is closed."""
        self._emulator.fault(BATCH, "close", process=True)

    def refuse(self, call: PaidCall) -> None:
        """There is no credit left."""
        self._emulator.refuse(BATCH, "billing_error")

    def unavailable(self, times: int, retry_after_s: float) -> None:
        """A 529 with Retry-After."""
        self._emulator.refuse("*", "overloaded_error", retry_after=retry_after_s, times=times)

    @contextmanager
    def slowly(self) -> Iterator[None]:
        """A batch takes its time; one that is cancelled has ended soon."""
        self._emulator.set(batch_s=_LONG_S, cancel_s=_BATCH_S)
        try:
            yield
        finally:
            self._emulator.set(batch_s=_BATCH_S)

    def clear(self) -> None:
        """No faults."""
        self._emulator.clear_faults()
