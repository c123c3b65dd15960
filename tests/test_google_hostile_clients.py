"""Clients of Google that are wrong in one way each: the judge of test_google_hostile sees every one of them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from ftkit_google import verdicts, wire
from ftkit_google.client import Client
from ftkit_google.sdk import types as google_types
from ftkit_google.training import GoogleTraining
from tests.hostile import Bench
from tests.hostile_clients import JUNK, reads_junk, reads_no_list_as_an_empty_one
from tests.hostile_judging import named, sample

pytest_plugins = ("tests.google_hostile_bench",)


def test_a_client_that_takes_junk_for_a_yes_is_seen_to_lose_jobs(
    google_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads_junk(monkeypatch, GoogleTraining, as_a_no=False)
    done = [google_bench.trial(named(name), "create", process=True) for name in JUNK[:2]]
    assert sum(trial.lost for trial in done) == len(done)


def test_a_client_that_takes_junk_for_a_no_is_seen_to_double_jobs(
    google_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads_junk(monkeypatch, GoogleTraining, as_a_no=True)
    done = [google_bench.trial(named(name), "create", process=True) for name in JUNK[:2]]
    assert sum(trial.doubled for trial in done) == len(done)


def test_a_client_that_takes_an_unreadable_list_for_an_empty_one_is_seen_to_double_jobs(
    google_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads_no_list_as_an_empty_one(monkeypatch, GoogleTraining)
    done = [google_bench.trial(answer, "list", process=False) for answer in sample("list")[:2]]
    assert sum(trial.doubled for trial in done) == len(done)


def test_a_client_that_takes_a_list_without_a_body_for_an_empty_one_is_seen_to_double_jobs(
    google_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = verdicts.read_verdict
    monkeypatch.setattr(
        "ftkit_google.client.read_verdict",
        lambda what, result, empty_is_fine: whole(what, result, empty_is_fine=True),
    )
    assert google_bench.trial(named("list: gzip bomb"), "list", process=False).doubled == 1


def test_a_client_that_takes_any_object_for_a_page_is_seen_to_double_jobs(
    google_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ftkit_google.training._is_a_page", lambda reply: True)
    order = {"action": "reply", "status": 200, "body": json.dumps({"data": []})}
    assert google_bench.run("another page", "list", "2xx", order).doubled == 1


def test_a_client_that_believes_any_job_is_seen_to_lose_its_own(
    google_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = wire.remote

    def believed(reply: Any, usd_of: Any) -> Any:
        (key,) = google_bench.target.jobs()[1]
        return replace(whole(reply, usd_of), key=key)

    monkeypatch.setattr(wire, "remote", believed)
    name = "projects/1/locations/us-central1/tuningJobs/7"
    job = {"name": name, "state": "JOB_STATE_RUNNING", "createTime": "2026-11-25T12:00:00Z"}
    order = {"action": "reply", "status": 200, "body": json.dumps(job), "process": True}
    assert google_bench.run("another job", "create", "2xx", order).lost == 1


def test_an_sdk_that_retries_is_seen_to_double_jobs(
    google_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from google.genai._api_client import retry_args

    own = Client._sdk_client

    def eager(self: Client, location: str, http: Any, asynchronous: Any = None) -> Any:
        made = own(self, location, http, asynchronous)
        asked = google_types().HttpRetryOptions(attempts=3, initial_delay=0.01, max_delay=0.01)
        made._api_client._retry = type(made._api_client._retry)(**retry_args(asked))
        return made

    monkeypatch.setattr(Client, "_sdk_client", eager)
    assert google_bench.trial(named("create: HTML with 502"), "create", process=True).doubled > 0


def test_a_client_that_follows_redirects_is_seen_by_the_stranger(
    google_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow = httpx2.Client
    monkeypatch.setattr(
        httpx2, "Client", lambda **given: follow(**given | {"follow_redirects": True})
    )
    trial = google_bench.trial(named("get: 302 elsewhere"), "get", process=False)
    assert trial.to_stranger > 0


def test_a_client_that_lets_strange_exceptions_out_is_seen(
    google_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raises(self: Client, error: Exception, trip: object) -> None:
        raise error

    monkeypatch.setattr(Client, "_outcome", raises)
    names = {"get": "get: 302 elsewhere", "chat": "get: 500 with HTML"}
    assert all(
        google_bench.trial(named(n), story, process=False).foreign for story, n in names.items()
    )
