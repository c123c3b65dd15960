"""A create at Google whose answer gets lost: one POST, one job, found by its key in a label."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit.backend import NotSent
from ftkit.errors import OutcomeUnknown
from ftkit.ledger import Phase
from tests.emulators.google import GoogleEmulator
from tests.google_desk import CREATE, LIST, configure, submit

pytest_plugins = ("tests.google_fixtures",)


def said(code: int, status: str, message: str) -> str:
    return json.dumps({"error": {"code": code, "message": message, "status": status}})


SORRY = said(500, "INTERNAL", "Internal error encountered.")
LOST: dict[str, dict[str, Any]] = {
    "dropped": {"action": "close"},
    "reset": {"action": "reset"},
    "half a body": {"action": "half"},
    "timeout": {"action": "hang", "seconds": 1.0},
    "500 after accept": {"action": "reply", "status": 500, "body": SORRY},
    "502 of a proxy": {"action": "reply", "status": 502, "body": "<html>bad gateway</html>"},
    "200 that is a page": {"action": "reply", "status": 200, "body": "<html>welcome</html>"},
    "200 without a name": {
        "action": "reply",
        "status": 200,
        "body": '{"state": "JOB_STATE_PENDING"}',
    },
    "a job that exists": {
        "action": "reply",
        "status": 409,
        "body": said(409, "ALREADY_EXISTS", "This job already exists."),
    },
    "a redirect": {"action": "reply", "status": 307, "headers": {"location": "/v1/elsewhere"}},
    "a bomb": {"action": "reply", "status": 200, "headers": {"content-encoding": "gzip"}},
}


@pytest.mark.parametrize(("way", "lag"), [*((way, 120) for way in LOST), ("dropped", 0)])
def test_a_lost_reply_is_adopted_not_repeated(
    way: str, lag: int, google: GoogleEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, listing_lag_s=lag, timeout_s=0.5)
    google.set(listing_lag_s=lag)
    fault = dict(LOST[way])
    google.fault(CREATE, fault.pop("action"), process=True, **fault)
    job = submit()
    counts = google.counts()
    assert (counts["requests"][CREATE], counts["jobs"]) == (1, 1)
    assert counts["labels"] == {"ftkit_key": {job.id: 1}}
    assert any("found by its key" in line.detail for line in job.history())


def test_a_job_that_stays_unlisted_is_unsettled_and_settled_later(google: GoogleEmulator) -> None:
    google.set(unlisted=True)
    google.fault(CREATE, "close", process=True)
    with pytest.raises(OutcomeUnknown, match="may be billed"):
        submit()
    (job,) = ftkit.jobs()
    assert job.phase is Phase.UNSETTLED
    google.set(unlisted=False)
    assert job.settle().phase is not Phase.UNSETTLED
    assert submit().id == job.id
    assert google.counts()["requests"][CREATE] == 1


def test_an_overloaded_server_may_have_created_the_job_after_all(google: GoogleEmulator) -> None:
    google.refuse(CREATE, "UNAVAILABLE", retry_after=5, process=True)
    job = submit()
    assert google.counts()["labels"] == {"ftkit_key": {job.id: 1}}


def test_where_nobody_listens_nothing_was_sent_and_the_same_call_sends_it_later(
    google: GoogleEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ftkit_google.client import Client

    own = Client._sdk_client

    def away(self: Client, location: str, http: Any, asynchronous: Any = None) -> Any:
        """Everything but the create, which has an HTTP client of its own, reaches the server."""
        sdk = own(self, location, http, asynchronous)
        if http not in self._pools.values():
            sdk._api_client._http_options.base_url = "http://127.0.0.1:9"
        return sdk

    with monkeypatch.context() as patch:
        patch.setattr(Client, "_sdk_client", away)
        with pytest.raises(NotSent, match="nothing was sent"):
            submit()
    assert google.counts()["jobs"] == 0
    job = submit()
    assert google.counts()["labels"] == {"ftkit_key": {job.id: 1}}


def test_the_sdk_retries_nothing_by_itself(google: GoogleEmulator) -> None:
    """Not even where Google's own options for retries would be set by the environment."""
    google.fault(CREATE, "reply", status=503, body=SORRY, times=None)
    with pytest.raises(OutcomeUnknown):
        submit()
    assert google.counts()["requests"][CREATE] == 1


def test_the_count_sees_an_sdk_that_retries(
    google: GoogleEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The judge of all the tests above: with the SDK's own retries the same job is created three times."""
    from google.genai import types

    own = types.HttpOptions
    eager = types.HttpRetryOptions(attempts=3, initial_delay=0.01, max_delay=0.01)
    monkeypatch.setattr(types, "HttpOptions", lambda **given: own(**given, retry_options=eager))
    google.fault(CREATE, "reply", process=True, status=500, body=SORRY, times=2)
    submit()
    counts = google.counts()
    assert (counts["requests"][CREATE], counts["jobs"]) == (3, 3)


def test_another_machine_finds_the_job_by_its_key(
    google: GoogleEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit()
    monkeypatch.setenv("FTKIT_HOME", str(tmp_path / "another"))
    configure(tmp_path, monkeypatch)
    assert submit().id == job.id
    assert google.counts()["jobs"] == 1


def test_the_key_is_looked_for_by_the_providers_own_filter(google: GoogleEmulator) -> None:
    job = submit()
    asked = [one["query"] for one in google.log() if one["route"] == LIST]
    assert any(f"labels.ftkit_key={job.id}" in query for query in asked)


def test_a_list_that_ignores_the_filter_gives_nobody_elses_job(google: GoogleEmulator) -> None:
    """A gateway that drops the query would hand over the newest job of the account."""
    other = submit(hyperparameters={"epochs": 1})
    google.fault(LIST, "reply", status=200, body=_page(google, other), skip=0)
    mine = submit(hyperparameters={"epochs": 2})
    assert mine.id != other.id
    assert google.counts()["jobs"] == 2


def _page(server: GoogleEmulator, job: ftkit.types.Job) -> str:
    shown = server.patch_job(str(job.last_seen.remote_id))
    return json.dumps({"tuningJobs": [shown]})
