"""Whatever a provider answers, a submission ends in one job, in errors of ftkit's own, and in bounded memory.

Each answer of `tests/faults/fuzzed_answers.py` is given once at its step; then the provider behaves and the same call is
made again. A sample in the normal run, all of them in the torture run. The create is answered by junk in two worlds: in
one the provider has made the job all the same, in the other it has not. One world is left out: a provider that says a
clear no (a JSON error with a status that its backend lists as creating nothing) and makes the job is believed, by
contract. So is one whose reply has the right shape and another job's id.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import pytest

import ftkit.http.client
from ftkit.backend import Event
from ftkit.testing import HostedProvider
from ftkit.testing.fake_backend.training import FakeTraining
from tests.faults.stranger import Stranger
from tests.hostile import KEY, Bench, Target, Trial, Where, peak, undisturbed
from tests.hostile_clients import JUNK, reads_junk, reads_no_list_as_an_empty_one
from tests.hostile_judging import STEPS, complaints, grafts, named, of, sample, table, trials
from tests.hostile_stories import STORIES


class StandIn(Target):
    """The stand-in provider."""

    submit = ("submit", "rows.jsonl", "--model", "fake/small", "--name", "router")
    steps: Mapping[str, Where] = {
        "create": Where("POST /v1/jobs", "/v1/jobs"),
        "list": Where("GET /v1/jobs", "/v1/jobs"),
        "upload": Where("POST /v1/files", "/v1/files"),
        "get": Where("GET /v1/jobs/ID", "/v1/jobs/job-1"),
        "events": Where("GET /v1/jobs/ID/events", "/v1/jobs/job-1"),
        "account": Where("GET /v1/account", "/v1/account"),
    }

    def __init__(self, provider: HostedProvider) -> None:
        self.provider = provider

    def lead_here(self, patch: pytest.MonkeyPatch) -> None:
        patch.setenv("FTKIT_FAKE_URL", self.provider.url)
        patch.setenv("FTKIT_FAKE_API_KEY", KEY)

    def fault(self, step: str, *, skip: int = 0, times: int | None = 1, **order: Any) -> None:
        self.provider.fault(self.steps[step].route, skip=skip, times=times, **order)

    def slow(self) -> None:
        self.provider.set(run_seconds=3600)

    def jobs(self) -> tuple[int, Mapping[str, int]]:
        counts = self.provider.counts()
        return counts["jobs"], counts["keys"]


@pytest.fixture(scope="module")
def target() -> Iterator[StandIn]:
    with HostedProvider(run_s=0.0, accounts={KEY: "org-1"}) as server:
        yield StandIn(server)


@pytest.fixture
def bench(target: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with Stranger() as stranger, undisturbed():
        yield Bench(target, STORIES, stranger, tmp_path, monkeypatch)


@pytest.mark.parametrize("step", STEPS)
def test_one_job_comes_of_it_whatever_one_step_is_answered(step: str, bench: Bench) -> None:
    assert complaints(trials(bench, sample(step))) == []


@pytest.mark.torture
@pytest.mark.parametrize("step", STEPS)
def test_one_job_comes_of_it_at_every_fuzzed_answer(step: str, bench: Bench) -> None:
    done = trials(bench, of(step))
    print(f"\n{len(of(step))} answers\n{table(done)}")
    assert complaints(done) == []


@pytest.mark.parametrize("step", ["create", "get", "upload"])
def test_one_odd_field_in_a_reply_that_is_right_otherwise_costs_no_job(
    step: str, bench: Bench
) -> None:
    done = [bench.grafted(answer, fields) for answer, fields in list(grafts(step))[::3]]
    assert len(done) >= 8
    assert complaints(done) == []


@pytest.mark.torture
@pytest.mark.parametrize("step", ["create", "get", "upload"])
def test_every_odd_field_in_a_reply_that_is_right_otherwise_costs_no_job(
    step: str, bench: Bench
) -> None:
    done = [bench.grafted(answer, fields) for answer, fields in grafts(step)]
    print(f"\n{table(done)}")
    assert complaints(done) == []


def foreign_page(bench: Bench) -> dict[str, Any]:
    """A list that has one job, which is other work of the same account."""
    bench.fresh()
    assert bench.submit("--seed", "7").code == 0
    request = Request(
        f"{bench.target.provider.url}/v1/jobs", headers={"Authorization": f"Bearer {KEY}"}
    )
    with build_opener(ProxyHandler({})).open(request) as reply:
        page: dict[str, Any] = json.load(reply)
    assert len(page["data"]) == 1
    return page


@pytest.mark.parametrize("story", ["list", "list, after a lost create"])
def test_a_list_that_ignores_the_key_gives_nobody_elses_job(story: str, bench: Bench) -> None:
    page = foreign_page(bench)
    other = page["data"][0]["metadata"]["key"]
    order = {"action": "reply", "body": json.dumps(page)}
    trial = bench.run("a list of other work", story, "2xx", order)
    assert not any(other in one.text for one in [*trial.hostile, *trial.after])
    # a list that is readable and hides the job is believed by who has an empty ledger
    assert (trial.lost, trial.jobs) == (0, 2 if story == "list" else 1), str(trial)


@pytest.mark.parametrize("name", ["create: gzip bomb", "get: gzip bomb in gzip", "list: gzip bomb"])
def test_a_bomb_is_left_alone_long_before_it_has_unpacked(name: str, bench: Bench) -> None:
    answer = named(name)
    assert complaints([bench.trial(answer, answer.on, process=True)]) == []


def test_memory_that_is_used_and_given_back_is_seen() -> None:
    trial = Trial("", "", "")
    with peak(trial):
        filled = b"x" * (300 * 1024 * 1024)
        del filled
    assert trial.peak_mib > 290 or trial.peak_mib == 0  # 0: the kernel does not tell


# --- broken clients: the judge sees each -------------------------------------------------------------------------
def test_a_client_that_takes_junk_for_a_yes_is_seen_to_lose_jobs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads_junk(monkeypatch, FakeTraining, as_a_no=False)
    done = [bench.trial(named(name), "create", process=p) for name in JUNK for p in (True, False)]
    assert sum(trial.lost for trial in done) == len(done)


def test_a_client_that_takes_junk_for_a_no_is_seen_to_double_jobs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads_junk(monkeypatch, FakeTraining, as_a_no=True)
    done = [bench.trial(named(name), "create", process=True) for name in JUNK]
    assert sum(trial.doubled for trial in done) == len(done)


def test_a_client_that_takes_an_unreadable_list_for_an_empty_one_is_seen_to_double_jobs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads_no_list_as_an_empty_one(monkeypatch, FakeTraining)
    done = [bench.trial(answer, "list", process=False) for answer in sample("list")[:4]]
    assert sum(trial.doubled for trial in done) == len(done)


def test_a_client_that_follows_any_redirect_is_seen_by_the_stranger_with_the_key(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ftkit.http.client, "_same_host", lambda one, other: True)
    trial = bench.trial(named("get: 302 elsewhere"), "get", process=False)
    assert trial.to_stranger > 0
    assert any(KEY in request for request in bench.stranger.requests)


def test_a_client_that_lets_strange_exceptions_out_is_seen(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def events(self: FakeTraining, id: str, after: int) -> Iterator[Event]:
        raise KeyError("data")

    monkeypatch.setattr(FakeTraining, "events", events)
    trial = bench.trial(named("events: 204"), "events", process=True)
    assert trial.foreign
