"""Never twice, never lost: what a hosted provider counts when answers get lost, ledgers vanish and budgets end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit.backend import NotSent, Refused
from ftkit.errors import (
    BudgetError,
    ConfigError,
    LifecycleError,
    NotDeployed,
    NotFound,
    OutcomeUnknown,
    StorageError,
)
from ftkit.ledger import Ledger, Phase, State
from ftkit.testing import HostedProvider
from ftkit.types import JobStatus
from tests.hosted import CREATE, READ, ROWS, configure, virtual

LOST: dict[str, dict[str, Any]] = {
    "dropped": {"action": "close", "process": True},
    "reset": {"action": "reset", "process": True},
    "half a body": {"action": "half", "process": True},
    "500 after accept": {
        "action": "reply",
        "process": True,
        "status": 500,
        "body": '{"error": {"code": "internal", "message": "sorry"}}',
    },
    "timeout": {"action": "hang", "process": True, "seconds": 1.0},
    "502 of a proxy": {
        "action": "reply",
        "process": True,
        "status": 502,
        "body": "<html>bad gateway</html>",
    },
}


@pytest.mark.parametrize("lag", [0, 120])
@pytest.mark.parametrize("way", list(LOST))
def test_a_lost_reply_is_adopted_not_repeated(
    way: str,
    lag: int,
    provider: HostedProvider,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configure(tmp_path, monkeypatch, listing_lag_s=lag, timeout_s=0.3)
    virtual(tmp_path, monkeypatch, provider)
    provider.set(listing_lag=lag)
    fault = dict(LOST[way])
    provider.fault(CREATE, fault.pop("action"), **fault)
    job = ftkit.submit(ROWS, "fake/small")
    counts = provider.counts()
    assert (counts["requests"][CREATE], counts["jobs"]) == (1, 1)
    assert counts["keys"] == {job.id: 1}
    assert any("found by its key" in line.detail for line in job.history())


def test_a_job_that_stays_unlisted_is_unsettled_and_settled_later(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.set(unlisted=True, run_seconds=600)
    provider.fault(CREATE, "close", process=True)
    with pytest.raises(OutcomeUnknown, match="may be billed.*ftkit job settle") as caught:
        ftkit.submit(ROWS, "fake/small", name="router")
    assert caught.value.exit_code == 4
    job = ftkit.job("router")
    assert job.phase is Phase.UNSETTLED
    with pytest.raises(OutcomeUnknown):  # the same call again looks, and does not create
        ftkit.submit(ROWS, "fake/small")
    job.cancel()
    provider.set(unlisted=False)
    job.settle()
    assert job.status is JobStatus.CANCELLED  # the cancel that waited was carried out
    assert provider.counts()["requests"][CREATE] == 1


def test_settling_by_hand_binds_or_frees_the_next_attempt(provider: HostedProvider) -> None:
    provider.set(unlisted=True)
    provider.fault(CREATE, "close", process=True)
    with pytest.raises(OutcomeUnknown):
        ftkit.submit(ROWS, "fake/small", name="bound")
    bound = ftkit.job("bound").settle(adopt="job-1")
    assert bound.wait(20).status is JobStatus.SUCCEEDED
    provider.fault(CREATE, "close", process=False)
    with pytest.raises(OutcomeUnknown):
        ftkit.submit(ROWS, "fake/small", name="never", hyperparameters={"seed": 1})
    with pytest.raises(ConfigError, match="belongs to job"):
        ftkit.job("never").settle(adopt="job-1")
    assert ftkit.job("never").settle(not_created=True).phase is Phase.DONE
    again = ftkit.submit(ROWS, "fake/small", name="never", hyperparameters={"seed": 1})
    assert again.id.endswith("2")
    assert provider.counts()["jobs"] == 2


def test_not_created_is_not_believed_where_the_provider_lists_the_job(
    provider: HostedProvider,
) -> None:
    provider.set(unlisted=True)
    provider.fault(CREATE, "close", process=True)
    with pytest.raises(OutcomeUnknown):
        ftkit.submit(ROWS, "fake/small", name="there")
    provider.set(unlisted=False)
    assert ftkit.job("there").settle(not_created=True).last_seen.state is State.MADE


@pytest.mark.parametrize("lost", [False, True])
def test_a_job_that_a_full_disk_keeps_out_of_the_ledger_is_said_to_be_billed_and_found_again(
    lost: bool, provider: HostedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = Ledger.move

    def full(self: Ledger, key: str, to: State, **fields: Any) -> bool:
        if to in (State.MADE, State.UNSETTLED):
            raise StorageError("no space left")
        return move(self, key, to, **fields)

    if lost:
        provider.fault(CREATE, "close", process=True)
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "move", full)
        with pytest.raises(OutcomeUnknown, match="may be billed.*no space left.*ftkit job settle"):
            ftkit.submit(ROWS, "fake/small", name="router")
    assert ftkit.job("router").phase is Phase.SUBMITTING
    assert ftkit.submit(ROWS, "fake/small").id == ftkit.job("router").id
    assert provider.counts()["jobs"] == 1


def test_a_disk_that_fails_once_the_job_is_recorded_says_that_it_was_started(
    provider: HostedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise StorageError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr("ftkit.submission.creating.observe", full)
        with pytest.raises(
            StorageError, match="was started, as job-.*same call attaches.*no space"
        ):
            ftkit.submit(ROWS, "fake/small", name="router")
    assert ftkit.submit(ROWS, "fake/small").id == ftkit.job("router").id
    assert provider.counts()["jobs"] == 1


def test_a_refused_create_made_nothing_and_is_not_repeated(provider: HostedProvider) -> None:
    provider.fault(
        CREATE, "reply", status=400, body='{"error": {"code": "bad", "message": "no such file"}}'
    )
    with pytest.raises(Refused, match="no such file"):
        ftkit.submit(ROWS, "fake/small", name="x")
    job = ftkit.job("x")
    assert (job.phase, job.status, job.raw_status) == (Phase.DONE, JobStatus.FAILED, "refused")
    assert provider.counts()["jobs"] == 0


def test_a_provider_that_is_not_there_was_sent_nothing(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ftkit.http import HttpClient, KeyHeader
    from ftkit.secrets import Secret

    client = HttpClient("http://127.0.0.1:9", auth=KeyHeader(Secret("FTKIT_FAKE_API_KEY")))
    with pytest.raises(NotSent):
        client.create("/v1/jobs", {})


def test_twenty_machines_one_after_the_other_have_one_job(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = set()
    for machine in range(20):
        monkeypatch.setenv("FTKIT_HOME", str(tmp_path / f"home{machine}"))
        ids.add(ftkit.submit(ROWS, "fake/small").id)
    assert len(ids) == provider.counts()["jobs"] == 1


def test_another_account_seed_or_a_failure_is_another_job(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ftkit.submit(ROWS, "fake/small")
    assert ftkit.submit(ROWS, "fake/small").id == first.id
    assert ftkit.submit(ROWS, "fake/small", hyperparameters={"seed": 9}).id != first.id
    configure(tmp_path, monkeypatch, region="elsewhere")
    assert ftkit.submit(ROWS, "fake/small").id != first.id
    monkeypatch.delenv("FTKIT_CONFIG")
    provider.patch_job("job-1", status="failed", error="out of luck")
    second = ftkit.submit(ROWS, "fake/small")
    assert second.id == first.id[:-1] + "2"
    assert provider.counts()["jobs"] == 4


def test_nothing_is_sent_by_a_dry_run_or_past_the_local_gates(provider: HostedProvider) -> None:
    would = ftkit.submit(ROWS, "fake/small", dry_run=True)
    assert would.request["method"] == "POST" and would.request["json"]["model"] == "small"
    assert provider.api_key not in str(would)
    with pytest.raises(BudgetError, match="more than max_cost_usd"):
        ftkit.submit(ROWS, "fake/small", max_cost_usd="0.0001")
    with pytest.raises(BudgetError, match="not known"):
        ftkit.submit(ROWS, "fake/unpriced")
    with pytest.raises(LifecycleError, match="takes no new training jobs since 2026-02-01"):
        ftkit.submit(ROWS, "fake/closed")
    assert provider.counts()["requests"] == {}
    assert ftkit.jobs() == []


def test_a_base_that_is_switched_off_soon_must_be_allowed(
    provider: HostedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTKIT_NOW", "2026-11-25T12:00:00Z")
    with pytest.raises(LifecycleError, match="2026-12-31.*allow_retiring=True"):
        ftkit.submit(ROWS, "fake/retiring")
    assert ftkit.submit(ROWS, "fake/retiring", allow_retiring=True).id


def test_a_closed_account_is_refused_before_the_upload(provider: HostedProvider) -> None:
    provider.set(training_closed=True)
    with pytest.raises(LifecycleError):
        ftkit.submit(ROWS, "fake/small")
    assert provider.counts()["files"] == provider.counts()["jobs"] == 0


def test_what_would_refuse_a_new_job_does_not_refuse_one_that_is_there(
    provider: HostedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.set(run_seconds=3600)
    monkeypatch.setenv("FTKIT_NOW", "2026-11-25T12:00:00Z")
    job = ftkit.submit(ROWS, "fake/retiring", allow_retiring=True)
    before = provider.counts()["requests"]["GET /v1/limits"]
    provider.set(training_closed=True)
    monkeypatch.setenv("FTKIT_NOW", "2027-02-01T12:00:00Z")  # switched off meanwhile
    assert ftkit.submit(ROWS, "fake/retiring", max_cost_usd="0.00001").id == job.id
    assert provider.counts()["requests"]["GET /v1/limits"] == before
    for other in ({"hyperparameters": {"seed": 9}}, {"force_new": True}):
        with pytest.raises(LifecycleError, match="switched off on 2026-12-31"):
            ftkit.submit(ROWS, "fake/retiring", **other)  # type: ignore[call-overload]
    provider.patch_job("job-1", status="failed", error="out of luck")
    with pytest.raises(LifecycleError, match="switched off on 2026-12-31"):
        ftkit.submit(ROWS, "fake/retiring")  # the next attempt would be new
    assert provider.counts()["jobs"] == 1


def test_the_gates_are_asked_where_another_account_has_no_such_job(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ftkit.submit(ROWS, "fake/small")
    configure(tmp_path, monkeypatch, region="elsewhere")
    with pytest.raises(BudgetError, match="more than max_cost_usd"):
        ftkit.submit(ROWS, "fake/small", max_cost_usd="0.0001")
    assert provider.counts()["jobs"] == 1


def test_jobs_of_the_provider_are_taken_up(provider: HostedProvider) -> None:
    provider.foreign(3)
    assert ftkit.job("fake/job-1").status is JobStatus.SUCCEEDED
    taken = ftkit.import_jobs("fake")
    assert len(taken) == 2
    assert ftkit.import_jobs("fake") == []
    with pytest.raises(NotFound, match="fake has no job"):
        ftkit.job("fake/job-99")
    assert provider.counts()["jobs"] == 0


def test_a_submission_that_was_interrupted_before_the_create_goes_on_from_the_ledger(
    provider: HostedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("ftkit.submission.creating.spend", die)
        with pytest.raises(KeyboardInterrupt):
            ftkit.submit(ROWS, "fake/small", name="router")
    job = ftkit.job("router")
    assert job.phase is Phase.UPLOADING
    assert job.go_on().wait(20).status is JobStatus.SUCCEEDED
    assert (provider.counts()["files"], provider.counts()["jobs"]) == (1, 1)


def test_a_deployment_is_started_once_stopped_at_the_end_and_found_when_its_answer_is_lost(
    provider: HostedProvider,
) -> None:
    model = ftkit.model("fake/dedicated")
    with pytest.raises(NotDeployed, match="3.00 USD an hour"):
        model.chat("hello")
    with pytest.raises(BudgetError), model.deployed(max_cost_usd=1):
        raise AssertionError("one hour costs more than that")
    provider.fault("POST /v1/deployments", "close", process=True)
    with model.deployed(max_cost_usd=5) as deployed:
        assert deployed.chat("hello").text
        assert provider.counts()["running_deployments"] == 1
    counts = provider.counts()
    assert (counts["deployments"], counts["running_deployments"]) == (1, 0)
    with ftkit.model("fake/small").deployed() as serverless:
        assert serverless.chat("hello").text
    assert provider.counts()["deployments"] == 1


def test_paid_answers_stop_at_the_budget(provider: HostedProvider, tmp_path: Path) -> None:
    model = ftkit.model("fake/small")
    out = tmp_path / "answers.jsonl"
    with pytest.raises(BudgetError, match="stopped"):
        model.map(["word " * 20] * 10, out=out, max_cost_usd="0.0002")
    answered = len(out.read_text().splitlines())
    assert 0 < answered == provider.counts()["chats"] < 10


def polls(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int | None
) -> int:
    """Reads of a job that takes half an hour, in calm or through a storm of one status."""
    provider.reset()
    monkeypatch.setenv("FTKIT_HOME", str(tmp_path / f"home-{status}"))
    configure(tmp_path, monkeypatch, poll_s=10.0)
    virtual(tmp_path, monkeypatch, provider)
    provider.set(run_seconds=1800)
    job = ftkit.submit(ROWS, "fake/small")
    if status is not None:
        provider.fault(
            READ,
            "reply",
            status=status,
            body="{}",
            times=None,
            until="2026-11-25T12:30:00+00:00",
        )
    assert job.wait().status is JobStatus.SUCCEEDED
    return int(provider.counts()["requests"][READ])


@pytest.mark.parametrize("status", [429, 503])
def test_a_storm_of_half_an_hour_is_waited_through_with_hardly_more_requests(
    status: int, provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ftkit import patience

    monkeypatch.setattr(patience, "_budgets", {})
    calm = polls(provider, tmp_path, monkeypatch, None)
    stormy = polls(provider, tmp_path, monkeypatch, status)
    assert stormy <= 1.2 * calm
    monkeypatch.setattr(patience.Budget, "take", lambda self: True)
    assert polls(provider, tmp_path / "off", monkeypatch, status) > 2 * calm
    print(calm, stormy)


def test_a_cancel_during_the_create_is_carried_out_when_the_create_succeeds(
    provider: HostedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ftkit.testing.fake_backend.client import Client

    provider.set(run_seconds=60)
    create = Client.create

    def cancelled_meanwhile(self: Client, path: str, body: dict[str, Any], key: str) -> Any:
        ftkit.job(key).cancel()
        return create(self, path, body, key)

    monkeypatch.setattr(Client, "create", cancelled_meanwhile)
    job = ftkit.submit(ROWS, "fake/small")
    assert job.status is JobStatus.CANCELLED
    assert provider.counts()["jobs"] == 1


def test_a_create_that_is_repeated_under_its_token_names_the_uploaded_files(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, idempotent=True)
    provider.set(idempotent=True)
    with monkeypatch.context() as patched:
        patched.setattr("ftkit.spending.gate._look", interrupted)
        provider.fault(CREATE, "close", process=False)
        with pytest.raises(KeyboardInterrupt):
            ftkit.submit(ROWS, "fake/small", name="router")
    job = ftkit.job("router").settle()
    assert job.wait(20).status is JobStatus.SUCCEEDED
    assert provider.counts()["jobs"] == 1


def interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_deployment_belongs_to_who_started_it_before_anybody_else_can_find_it(
    provider: HostedProvider, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ftkit.models import deploying
    from ftkit.spending import held_for_life, one_at_a_time

    taken_in_time = []

    @contextmanager
    def watched(home: Path, stem: str) -> Iterator[None]:
        with one_at_a_time(home, stem):
            yield
            with held_for_life(home, f"{stem}1") as free:
                taken_in_time.append(not free)

    monkeypatch.setattr(deploying, "one_at_a_time", watched)
    with ftkit.model("fake/dedicated").deployed():
        pass
    assert taken_in_time == [True, True]  # when it begins, and still when it ends
    assert provider.counts()["running_deployments"] == 0
