"""A create and a start at Azure whose answers get lost: one request, one job, one deployment, found by its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftkit.errors import OutcomeUnknown
from tests.azure_desk import CREATE, PUT, configure, served, submit, tuned
from tests.emulators.azure import AzureEmulator
from tests.test_openai_lost_replies import LOST, SORRY

pytest_plugins = ("tests.azure_fixtures",)


@pytest.mark.parametrize("lag", [0, 120])
@pytest.mark.parametrize("way", LOST)
def test_a_lost_create_is_adopted_not_repeated(
    way: str, lag: int, azure: AzureEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, azure, listing_lag_s=lag, timeout_s=0.5)
    azure.set(listing_lag_s=lag)
    fault = dict(LOST[way])
    azure.fault(CREATE, fault.pop("action"), process=True, **fault)
    job = submit()
    counts = azure.counts()
    assert (counts["requests"][CREATE], counts["jobs"]) == (1, 1)
    assert counts["metadata"]["ftkit_key"] == {job.id: 1}
    assert any("found by its key" in line.detail for line in job.history())


@pytest.mark.parametrize("way", LOST)
def test_a_lost_start_is_adopted_not_repeated(
    way: str, azure: AzureEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And stopped at the end of its block, as if nothing had been."""
    configure(tmp_path, monkeypatch, azure, timeout_s=0.5)
    model = tuned().model()
    fault = dict(LOST[way])
    azure.fault(PUT, fault.pop("action"), process=True, **fault)
    with served(model) as there:
        assert there.chat("question 4").text == "answer 4"
    counts = azure.counts()
    assert (counts["requests"][PUT], counts["deployments"], counts["running"]) == (1, 1, 0)
    assert list(counts["deploy_starts"].values()) == [1]


@pytest.mark.parametrize("way", ["dropped", "500 after accept", "502 of a proxy"])
def test_a_start_that_did_nothing_is_sent_again_under_the_same_name(
    way: str, azure: AzureEmulator
) -> None:
    model = tuned().model()
    fault = dict(LOST[way])
    azure.fault(PUT, fault.pop("action"), process=False, **fault)
    with served(model) as there:
        assert there.chat("question 4").text == "answer 4"
    counts = azure.counts()
    assert (counts["requests"][PUT], counts["deployments"], counts["running"]) == (2, 1, 0)


def test_a_lost_stop_is_asked_again(azure: AzureEmulator) -> None:
    model = tuned().model()
    azure.fault("DELETE deployments/NAME", "close", process=True)
    with served(model):
        pass
    assert azure.counts()["running"] == 0


def test_the_sdk_retries_nothing_by_itself(azure: AzureEmulator) -> None:
    azure.fault(CREATE, "reply", status=500, body=SORRY, times=None)
    with pytest.raises(OutcomeUnknown):
        submit()
    assert azure.counts()["requests"][CREATE] == 1


def test_the_count_sees_an_sdk_that_retries(
    azure: AzureEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The judge of the tests above: with the SDK's own setting the same job is created three times."""
    from ftkit_azure.client import AzureClient

    own = AzureClient._options
    monkeypatch.setattr(AzureClient, "_options", lambda self: {**own(self), "max_retries": 2})
    headers = {"retry-after": "0.01"}
    azure.fault(CREATE, "reply", process=True, status=500, body=SORRY, headers=headers, times=2)
    submit()
    counts = azure.counts()
    assert (counts["requests"][CREATE], counts["jobs"]) == (3, 3)


def test_the_count_sees_a_start_under_another_name(
    azure: AzureEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And that of the deployments: a name by chance makes the second start a second deployment."""
    from ftkit_azure.control import Control

    own, model = Control.deploy, tuned().model()
    names = iter(["first", "second"])
    monkeypatch.setattr(Control, "deploy", lambda self, name, body: own(self, next(names), body))
    with pytest.raises(OutcomeUnknown), served(model):
        pass
    assert azure.counts()["deployments"] == 2


def test_another_machine_finds_the_job_by_its_key(
    azure: AzureEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit()
    monkeypatch.setenv("FTKIT_HOME", str(tmp_path / "another"))
    assert submit().id == job.id
    assert azure.counts()["jobs"] == 1
