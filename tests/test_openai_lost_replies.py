"""A create at OpenAI whose answer gets lost: one POST, one job, found by its key in the metadata."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit.backend import NotSent
from ftkit.errors import OutcomeUnknown
from ftkit.ledger import Phase
from tests.emulators.openai import OpenAIEmulator
from tests.openai_desk import (
    CREATE,
    LIST,
    configure,
    submit,
)

pytest_plugins = ("tests.openai_fixtures",)

SORRY = '{"error": {"message": "sorry", "type": "server_error", "code": "server_error"}}'
LOST: dict[str, dict[str, Any]] = {
    "dropped": {"action": "close"},
    "reset": {"action": "reset"},
    "half a body": {"action": "half"},
    "timeout": {"action": "hang", "seconds": 1.0},
    "500 after accept": {"action": "reply", "status": 500, "body": SORRY},
    "502 of a proxy": {"action": "reply", "status": 502, "body": "<html>bad gateway</html>"},
    "200 that is a page": {"action": "reply", "status": 200, "body": "<html>welcome</html>"},
    "200 without an id": {"action": "reply", "status": 200, "body": '{"status": "queued"}'},
    "a job that exists": {
        "action": "reply",
        "status": 400,
        "body": '{"error": {"message": "This job already exists", "code": "duplicate"}}',
    },
    "a redirect": {"action": "reply", "status": 307, "headers": {"location": "/v1/elsewhere"}},
    "a bomb": {"action": "reply", "status": 200, "headers": {"content-encoding": "gzip"}},
}


@pytest.mark.parametrize("lag", [0, 120])
@pytest.mark.parametrize("way", LOST)
def test_a_lost_reply_is_adopted_not_repeated(
    way: str,
    lag: int,
    emulator: OpenAIEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configure(tmp_path, monkeypatch, listing_lag_s=lag, timeout_s=0.5)
    emulator.set(listing_lag_s=lag)
    fault = dict(LOST[way])
    emulator.fault(CREATE, fault.pop("action"), process=True, **fault)
    job = submit()
    counts = emulator.counts()
    assert (counts["requests"][CREATE], counts["jobs"]) == (1, 1)
    assert counts["metadata"] == {"ftkit_key": {job.id: 1}}
    assert any("found by its key" in line.detail for line in job.history())


def test_a_job_that_stays_unlisted_is_unsettled_and_settled_later(
    emulator: OpenAIEmulator,
    tmp_path: Path,
) -> None:
    emulator.set(unlisted=True)
    emulator.fault(CREATE, "close", process=True)
    with pytest.raises(OutcomeUnknown, match="may be billed"):
        submit()
    (job,) = ftkit.jobs()
    assert job.phase is Phase.UNSETTLED
    emulator.set(unlisted=False)
    assert job.settle().phase is not Phase.UNSETTLED
    assert submit().id == job.id
    assert emulator.counts()["requests"][CREATE] == 1


def test_an_overloaded_server_may_have_created_the_job_after_all(
    emulator: OpenAIEmulator,
) -> None:
    emulator.refuse(CREATE, "server_is_overloaded", retry_after=5, process=True)
    job = submit()
    assert emulator.counts()["metadata"] == {"ftkit_key": {job.id: 1}}


def test_where_nobody_listens_nothing_was_sent_and_the_same_call_sends_it_later(
    emulator: OpenAIEmulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ftkit_openai.client import Client

    own = Client._open

    def away(self: Client, journey: Any = None, **more: Any) -> Any:
        """Everything but the create reaches the server."""
        sdk = own(self, journey, **more)
        if journey is not None:
            sdk.base_url = "http://127.0.0.1:9/v1"
        return sdk

    with monkeypatch.context() as patch:
        patch.setattr(Client, "_open", away)
        with pytest.raises(NotSent, match="nothing was sent"):
            submit()
    assert emulator.counts()["jobs"] == 0
    job = submit()
    assert emulator.counts()["metadata"] == {"ftkit_key": {job.id: 1}}


def test_the_sdk_retries_nothing_by_itself(emulator: OpenAIEmulator) -> None:
    """By its own settings it sends a create that fails three times."""
    emulator.fault(CREATE, "reply", status=500, body=SORRY, times=None)
    with pytest.raises(OutcomeUnknown):
        submit()
    assert emulator.counts()["requests"][CREATE] == 1


def test_the_count_sees_an_sdk_that_retries(
    emulator: OpenAIEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The judge of all the tests above: with the SDK's own setting the same job is created three times."""
    from ftkit_openai.client import Client

    own = Client._options
    monkeypatch.setattr(Client, "_options", lambda self: {**own(self), "max_retries": 2})
    emulator.fault(
        CREATE,
        "reply",
        process=True,
        status=500,
        body=SORRY,
        headers={"retry-after": "0.01"},
        times=2,
    )
    submit()
    counts = emulator.counts()
    assert (counts["requests"][CREATE], counts["jobs"]) == (3, 3)


def test_another_machine_finds_the_job_by_its_key(
    emulator: OpenAIEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = submit()
    monkeypatch.setenv("FTKIT_HOME", str(tmp_path / "another"))
    configure(tmp_path, monkeypatch)
    assert submit().id == job.id
    assert emulator.counts()["jobs"] == 1


def test_the_key_is_looked_for_by_the_providers_own_filter(
    emulator: OpenAIEmulator,
) -> None:
    job = submit()
    asked = [one["query"] for one in emulator.log() if one["route"] == LIST]
    assert f"limit=100&metadata[ftkit_key]={job.id}" in asked


def test_a_list_that_ignores_the_filter_gives_nobody_elses_job(
    emulator: OpenAIEmulator,
) -> None:
    """A gateway that drops the query would hand over the newest job of the account."""
    other = submit(hyperparameters={"seed": 1})
    emulator.fault(LIST, "reply", status=200, body=_page(emulator, other), skip=1)
    mine = submit(hyperparameters={"seed": 2})
    assert mine.id != other.id
    assert emulator.counts()["jobs"] == 2


def _page(server: OpenAIEmulator, job: ftkit.types.Job) -> str:
    from tests.emulators.openai.driving import ask

    remote = job.last_seen.remote_id
    shown = ask(server, "GET", f"/v1/fine_tuning/jobs/{remote}").body.decode()
    return f'{{"object": "list", "data": [{shown}], "has_more": false}}'
