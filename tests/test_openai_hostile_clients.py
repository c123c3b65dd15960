"""Clients of OpenAI that are wrong in one way each: the judge of test_openai_hostile sees every one of them."""

from __future__ import annotations

from dataclasses import replace

import openai
import pytest

from ftkit_openai import wire
from ftkit_openai.client import Client
from ftkit_openai.training import OpenAITraining
from tests.hostile import Bench
from tests.hostile_clients import JUNK, reads_junk, reads_no_list_as_an_empty_one
from tests.hostile_judging import named, sample

pytest_plugins = ("tests.openai_hostile_bench",)


def test_a_client_that_takes_junk_for_a_yes_is_seen_to_lose_jobs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads_junk(monkeypatch, OpenAITraining, as_a_no=False)
    done = [bench.trial(named(name), "create", process=p) for name in JUNK for p in (True, False)]
    assert sum(trial.lost for trial in done) == len(done)


def test_a_client_that_takes_junk_for_a_no_is_seen_to_double_jobs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads_junk(monkeypatch, OpenAITraining, as_a_no=True)
    done = [bench.trial(named(name), "create", process=True) for name in JUNK]
    assert sum(trial.doubled for trial in done) == len(done)


def test_a_client_that_takes_an_unreadable_list_for_an_empty_one_is_seen_to_double_jobs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads_no_list_as_an_empty_one(monkeypatch, OpenAITraining)
    done = [bench.trial(answer, "list", process=False) for answer in sample("list")[:4]]
    assert sum(trial.doubled for trial in done) == len(done)


def test_a_client_that_believes_any_job_is_seen_to_lose_its_own(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = wire.remote
    monkeypatch.setattr(
        wire, "remote", lambda reply, usd_of: replace(whole(reply, usd_of), key=wanted(bench))
    )
    trial = bench.trial(named("create: unknown fields"), "create", process=True)
    assert trial.lost == 1


def wanted(bench: Bench) -> str:
    """The key of the one job."""
    (key,) = bench.target.jobs()[1]
    return key


def test_a_client_that_takes_another_jobs_end_for_the_end_of_its_own_is_seen_to_double_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        OpenAITraining,
        "_job",
        lambda self, id: self._client.read(
            "GET /fine_tuning/jobs/ID",
            lambda sdk: sdk.fine_tuning.jobs.with_raw_response.retrieve(id),
        ),
    )
    trial = bench.trial(named("get: duplicate keys"), "get", process=True)
    assert trial.doubled > 0


def test_a_client_that_names_an_account_by_anything_it_hears_is_seen_to_double_jobs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ftkit_openai.account.items", lambda reply, field: [])
    trial = bench.trial(named("account: status 299"), "account", process=False)
    assert trial.doubled == 1


def test_an_sdk_that_retries_is_seen_to_double_jobs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Client._options
    monkeypatch.setattr(Client, "_options", lambda self: {**own(self), "max_retries": 2})
    names = ("create: HTML with 502", "create: 409 after doing it", "create: half of the body")
    done = [bench.trial(named(name), "create", process=True) for name in names]
    assert sum(trial.doubled for trial in done) == len(done)


def test_a_client_that_follows_redirects_is_seen_by_the_stranger(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow = openai.DefaultHttpxClient
    monkeypatch.setattr(
        openai, "DefaultHttpxClient", lambda **given: follow(**given | {"follow_redirects": True})
    )
    trial = bench.trial(named("get: 302 elsewhere"), "get", process=False)
    assert trial.to_stranger > 0


def test_a_client_that_lets_strange_exceptions_out_is_seen(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Client, "_outcome", _raises)
    names = {"get": "get: 302 elsewhere", "chat": "get: 500 with HTML"}
    assert all(bench.trial(named(n), story, process=False).foreign for story, n in names.items())


def _raises(self: Client, error: Exception, journey: object) -> None:
    raise error
