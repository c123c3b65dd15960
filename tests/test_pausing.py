"""A job that stands still for a while: asked for by name, told once to whoever waits, never taken for dead."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

import ftkit
from ftkit import clock
from ftkit.errors import CapabilityError, JobTimeout, OutcomeUnknown, TrainingError
from ftkit.testing import HostedProvider
from ftkit.types import JobStatus
from tests.at_terminal import as_json
from tests.at_terminal import ftkit as command
from tests.hosted import CREATE, ROWS, configure, virtual

PAUSE = "POST /v1/jobs/ID/pause"
RESUME = "POST /v1/jobs/ID/resume"


@pytest.fixture
def in_virtual_time(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> HostedProvider:
    configure(tmp_path, monkeypatch, poll_s=60.0)
    virtual(tmp_path, monkeypatch, provider)
    provider.set(run_seconds=3600)
    return provider


def submitted(model: str = "fake/small") -> ftkit.types.Job:
    return ftkit.submit(ROWS, model, hyperparameters={"epochs": 20})


def asked(provider: HostedProvider, route: str) -> int:
    count: int = provider.counts()["requests"].get(route, 0)
    return count


def test_a_job_pauses_keeps_what_it_has_done_and_goes_on_to_its_end(
    in_virtual_time: HostedProvider,
) -> None:
    job = submitted()
    clock.sleep(1800)
    job.pause()
    assert (job.status, job.raw_status) == (JobStatus.PAUSED, "paused")
    half = job.progress
    clock.sleep(10 * 3600)
    assert job.progress == half and not job.status.final
    job.resume()
    assert job.status is JobStatus.RUNNING
    clock.sleep(1700)
    assert job.status is JobStatus.RUNNING
    clock.sleep(200)
    assert job.status is JobStatus.SUCCEEDED
    said = [line.what for line in job.history()]
    assert said[-5:] == ["pause requested", "paused", "resume requested", "running", "succeeded"]


def test_twice_asked_is_once_paused(in_virtual_time: HostedProvider) -> None:
    job = submitted()
    job.pause()
    job.pause()
    assert asked(in_virtual_time, PAUSE) == 1
    job.resume()
    job.resume()
    assert asked(in_virtual_time, RESUME) == 1
    said = [line.what for line in job.history()]
    assert (said.count("pause requested"), said.count("resume requested")) == (1, 1)


def test_a_pause_whose_answer_is_lost_is_looked_at_and_not_asked_for_again(
    in_virtual_time: HostedProvider,
) -> None:
    job = submitted()
    in_virtual_time.fault(PAUSE, "close", process=True)
    job.pause()
    in_virtual_time.fault(RESUME, "close", process=True)
    job.resume()
    assert job.status is JobStatus.RUNNING
    assert (asked(in_virtual_time, PAUSE), asked(in_virtual_time, RESUME)) == (1, 1)


def test_a_pause_that_never_arrived_is_asked_for_again(in_virtual_time: HostedProvider) -> None:
    job = submitted()
    in_virtual_time.fault(PAUSE, "close")
    job.pause()
    assert job.status is JobStatus.PAUSED and asked(in_virtual_time, PAUSE) == 2


def test_whoever_waits_for_a_paused_job_is_told_once_and_how_it_goes_on(
    in_virtual_time: HostedProvider, caplog: pytest.LogCaptureFixture
) -> None:
    job = submitted()
    job.pause()
    with pytest.raises(JobTimeout, match="still paused"):
        job.wait(timeout_s=6 * 3600)
    said = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert said == [f"job {job.id} is paused; `ftkit job resume {job.id}` lets it go on"]
    job.resume()
    assert job.wait(timeout_s=7200).status is JobStatus.SUCCEEDED


def test_a_paused_job_is_not_taken_for_dead_and_one_that_goes_on_is_watched_again(
    in_virtual_time: HostedProvider,
) -> None:
    job = submitted()
    job.pause()
    clock.sleep(5 * 3600)
    assert job.silent_s() is None
    job.resume()
    assert job.silent_s() is None
    in_virtual_time.patch_job(job.last_seen.remote_id or "", frozen=True)
    for _ in range(2):  # the first look still finds the event of the resume
        clock.sleep(2 * 3600)
        job.refresh()
        silent = job.silent_s()
    assert (silent or 0) > 3600


def test_the_same_submission_attaches_to_a_paused_job(in_virtual_time: HostedProvider) -> None:
    job = submitted()
    job.pause()
    assert submitted().id == job.id
    assert in_virtual_time.counts()["jobs"] == 1


def test_a_paused_job_can_be_cancelled(in_virtual_time: HostedProvider) -> None:
    job = submitted()
    job.pause()
    job.cancel()
    assert job.status is JobStatus.CANCELLED


def test_an_ended_job_stays_ended_and_going_on_says_what_to_do(
    in_virtual_time: HostedProvider,
) -> None:
    job = submitted()
    job.cancel()
    job.pause()
    assert job.status is JobStatus.CANCELLED
    with pytest.raises(TrainingError, match="not paused, it has ended: cancelled.*go-on"):
        job.resume()


def test_what_is_not_known_to_have_started_is_not_paused(
    in_virtual_time: HostedProvider,
) -> None:
    in_virtual_time.set(unlisted=True)
    in_virtual_time.fault(CREATE, "close", process=True)
    with pytest.raises(OutcomeUnknown):
        submitted()
    (job,) = ftkit.jobs()
    with pytest.raises(OutcomeUnknown, match="job settle"):
        job.pause()
    assert asked(in_virtual_time, PAUSE) == 0


def test_a_backend_that_cannot_pause_refuses_by_name() -> None:
    job = ftkit.submit(ROWS, "fake-runs/tiny", hyperparameters={"max_steps": 3})
    with pytest.raises(CapabilityError, match="fake-runs cannot do 'pause': a run of the stand-in"):
        job.pause()
    with pytest.raises(CapabilityError, match="cannot do 'pause'"):
        job.resume()
    job.wait(60)


def test_the_commands_say_what_is_so(in_virtual_time: HostedProvider) -> None:
    job = submitted()
    assert f"job {job.id} is paused" in command("job", "pause", job.id)
    assert as_json("job", "resume", job.id)["status"] == "running"
    job.cancel()
    assert "had ended already: cancelled" in command("job", "pause", job.id)
    assert "it has ended" in command("job", "resume", job.id, code=1)
