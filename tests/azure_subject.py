"""The Azure backend on its emulator, as the conformance suite takes it: both planes, with a key and a token.

A resource keeps a hundred jobs, so nobody else has hundreds of them here; pages are judged by test_azure_jobs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from ftkit.testing.conformance import Subject
from ftkit.testing.conformance.subject import PaidCall
from tests.azure_desk import BASE, CREATE, NOON, OWN_VARIABLES, PUT, section
from tests.emulators.azure import AzureEmulator
from tests.emulators.azure.driving import deploy

PAID = {"submit": CREATE, "start": PUT}
_RUN_S = 0.3
_LONG_S = 3.0


@contextmanager
def subject() -> Iterator[Subject]:
    """A subject with its emulator running."""
    with (
        pytest.MonkeyPatch.context() as patch,
        AzureEmulator(run_s=_RUN_S, now=NOON, capacity_quota=100_000) as emulator,
    ):
        for name in ("AZURE_OPENAI_ENDPOINT", *OWN_VARIABLES):
            patch.delenv(name, raising=False)
        patch.setenv("FTKIT_NOW", NOON)
        patch.delenv("FTKIT_NOW_ANCHOR", raising=False)
        steered = Steered(emulator)
        made = deploy(emulator, "standing", "gpt-4.1-mini", version="2025-04-14", capacity=1000)
        assert made.status == 201
        usual = section(emulator, listing_lag_s=0.5, poll_s=0.05, deployments={BASE: "standing"})
        nobody = "http://127.0.0.1:9"
        yield Subject(
            "under-test",
            usual,
            BASE,
            dedicated="gpt-4.1-nano-2025-04-14",  # untuned models need a deployment too
            hyperparameters={"epochs": 2, "batch_size": 4},
            long_run={"batch_size": 1},
            environment={
                "AZURE_OPENAI_API_KEY": emulator.api_key,
                "AZURE_MANAGEMENT_TOKEN": emulator.arm_token,
            },
            witness=steered,
            faults=steered,
            unreachable={**usual, "base_url": f"{nobody}/openai/v1", "arm_url": nobody},
            reply_with=emulator.reply_with,
            heard=emulator.heard,
            slowly=steered.slowly,
            say_status=lambda id, word: emulator.patch_job(id, status=word),
        )


class Steered:
    """The emulator as witness and as source of faults."""

    def __init__(self, emulator: AzureEmulator) -> None:
        self._emulator = emulator

    def jobs(self) -> Mapping[str, int]:
        """Jobs by key."""
        keys: Mapping[str, int] = self._emulator.counts()["metadata"].get("ftkit_key", {})
        return keys

    def deployments(self) -> Mapping[str, int]:
        """Starts by name, which is the key."""
        names: Mapping[str, int] = self._emulator.counts()["deploy_starts"]
        return names

    def batches(self) -> Mapping[str, int]:
        """There are none."""
        return {}

    def lose_reply(self, call: PaidCall) -> None:
        """What is paid for is made, and the connection is closed."""
        self._emulator.fault(PAID[call], "close", process=True)

    def refuse(self, call: PaidCall) -> None:
        """The resource's quota is used up."""
        code = "TooManyRequests" if call == "submit" else "InsufficientQuota"
        self._emulator.refuse(PAID[call], code)

    def unavailable(self, times: int, retry_after_s: float) -> None:
        """A 503 with Retry-After."""
        self._emulator.refuse("*", "ServiceUnavailable", retry_after=retry_after_s, times=times)

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
