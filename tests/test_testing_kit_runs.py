"""`fake-runs`: a run in a process of its own that outlives its submitter and goes on after it was killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import ftkit
import ftkit.types
from ftkit import clock, config
from ftkit.backend import JobStatus, ModelRecord
from ftkit.errors import TrainingError
from ftkit.registry import open_backend
from ftkit.testing.runs_backend.run_folder import RunFolder

ROWS = [{"prompt": f"question {n}", "completion": f"label {n % 3}"} for n in range(12)]
Start = Callable[..., tuple[ftkit.types.Job, RunFolder]]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Start a job of fake-runs under these settings; the job, once it has made a step, and its folder."""

    def begin(**settings: Any) -> tuple[ftkit.types.Job, RunFolder]:
        lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
        file = tmp_path / "runs.toml"
        file.write_text(f'[providers.mine]\nbackend = "fake-runs"\n{lines}')
        monkeypatch.setenv("FTKIT_CONFIG", str(file))
        job = ftkit.submit(ROWS, "mine/tiny")
        until(lambda: (job.progress or (0, 0))[0] > 0)
        return job, RunFolder(config.home() / "fake-runs" / job.id)

    return begin


def until(good: Any) -> None:
    deadline = clock.monotonic() + 30
    while not good():
        assert clock.monotonic() < deadline, "waited in vain"
        clock.sleep(0.02)


def kill(run: RunFolder) -> None:
    pid = [event for event in run.events() if event.type == "started"][-1].data["pid"]
    os.kill(int(pid), signal.SIGKILL)
    until(lambda: not run.alive())


def test_a_run_outlives_its_submitter_and_is_nobodys_child(start: Start) -> None:
    job, run = start(steps=100, step_s=0.02)
    pid = int(next(run.events()).data["pid"])
    assert Path(f"/proc/{pid}").exists() and run.alive()
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    job.cancel()
    assert job.wait(30).status is JobStatus.CANCELLED


def test_the_trainer_sees_no_key(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary-of-this-test")
    job, run = start(steps=100, step_s=0.02)
    pid = int(next(run.events()).data["pid"])
    assert b"canary-of-this-test" not in Path(f"/proc/{pid}/environ").read_bytes()
    job.cancel()


def test_a_killed_run_has_failed_and_the_same_submission_lets_it_go_on(start: Start) -> None:
    job, run = start(steps=20, step_s=0.02)
    kill(run)
    assert (job.status, job.raw_status) == (JobStatus.FAILED, "died")
    with (run.path / "events.jsonl").open("ab") as file:
        file.write(b'{"id": 99, "at": "cut off by the cr')
    again = ftkit.submit(ROWS, "mine/tiny")
    assert again.id == job.id
    assert again.wait(30).status is JobStatus.SUCCEEDED
    events = list(run.events())
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    steps = [event.data["step"] for event in events if event.type == "step"]
    assert steps == list(range(1, 21)), "no step is lost, none is made twice"


def test_of_many_who_resume_a_dead_run_one_starts_it(start: Start) -> None:
    job, run = start(steps=30, step_s=0.02)
    kill(run)
    training = open_backend("mine", config.settings()).training
    assert training is not None
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda _: training.resume(job.id), range(8)))  # type: ignore[attr-defined]
    assert sum(won) == 1
    job.cancel()
    job.wait(30)
    assert [event.type for event in run.events()].count("started") == 2


def test_a_dead_run_that_was_asked_to_stop_is_cancelled_and_not_resumed(start: Start) -> None:
    job, run = start(steps=100, step_s=0.02)
    kill(run)
    training = open_backend("mine", config.settings()).training
    assert training is not None
    training.cancel(job.id)
    assert training.get(job.id).status is JobStatus.CANCELLED
    assert training.resume(job.id) is False  # type: ignore[attr-defined]
    with pytest.raises(TrainingError, match="cancelled"):
        training.result(job.id)


def test_a_run_that_was_prepared_and_never_started_is_started_by_whoever_looks(
    start: Start,
) -> None:
    job, run = start(steps=2, step_s=0.0)
    job.wait(30)
    for name in ("events.jsonl", "result.json"):
        (run.path / name).unlink()
    training = open_backend("mine", config.settings()).training
    assert training is not None
    until(lambda: training.get(job.id).status is JobStatus.SUCCEEDED)


def test_the_settings_say_how_long_a_run_is(start: Start) -> None:
    job, _ = start(steps=7, step_s=0.0)
    assert job.wait(30).progress == (7, 7)
    assert ftkit.estimate(ROWS, "mine/tiny").resolved.steps == 7
    assert ftkit.estimate(ROWS, "fake-runs/tiny").resolved.steps == 2


def test_a_tuned_model_is_asked_by_its_runs_key(start: Start) -> None:
    job, _ = start(steps=1, step_s=0.0)
    model = job.wait(30).model()
    assert model.chat("hello").text == f"tuned {job.id} answers: hello"
    assert ftkit.model(f"mine/{job.id}").record.base == "tiny"
    assert isinstance(model.record, ModelRecord) and model.record.tuned
