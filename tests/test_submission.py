"""Submission on the local backend: one job for one piece of work, whoever asks and whatever dies in between."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import ftkit
import ftkit.types
from ftkit import config
from ftkit.backend import JobStatus
from ftkit.errors import (
    BudgetError,
    CapabilityError,
    ConfigError,
    DataError,
    JobTimeout,
    NotFound,
    StorageError,
    TrainingError,
)
from ftkit.ledger import Ledger, Phase
from ftkit.spending import attempt_key, parsed_key, stem_of
from tests.tiny import tiny_model_folder

ROWS = [{"prompt": f"question {n}", "completion": f"label {n % 3}"} for n in range(12)]
TOOL = {"type": "function", "function": {"name": "find"}}
QUICK = {"max_steps": 2}
LONG = {"max_steps": 800}  # seconds, also where nothing else runs


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"local/{tiny_model_folder(tmp_path_factory.mktemp('base') / 'tiny')}"


@pytest.fixture(scope="session")
def trained_home(base: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A FTKIT_HOME in which one job has succeeded: starting a trainer costs seconds, copying a folder does not."""
    folder = tmp_path_factory.mktemp("trained") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FTKIT_HOME", str(folder))
        job = ftkit.submit(ROWS, base, hyperparameters=QUICK, name="router").wait(120)
        assert job.status is JobStatus.SUCCEEDED, job.error
    return folder


@pytest.fixture
def quick(trained_home: Path, home: Path) -> ftkit.types.Job:
    """The job that has succeeded, in this test's own FTKIT_HOME."""
    shutil.copytree(trained_home, home)
    return ftkit.job("router")


def runs(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "runs").iterdir() if not path.name.startswith("."))


def test_a_job_ends_in_a_model_that_answers(quick: ftkit.types.Job) -> None:
    assert (quick.status, quick.phase) == (JobStatus.SUCCEEDED, Phase.DONE)
    model = quick.model()
    assert model.tuned
    assert model.chat("question 1", max_tokens=3).usage.output_tokens <= 3


def test_the_same_work_is_the_same_job(quick: ftkit.types.Job, base: str, home: Path) -> None:
    again = ftkit.submit(ROWS, base, hyperparameters=QUICK, name="other")
    assert again.id == quick.id
    assert runs(home) == [quick.id]
    assert ftkit.job("other").id == ftkit.job("router").id == quick.id


@pytest.mark.parametrize(
    "change",
    [
        {"hyperparameters": {**QUICK, "seed": 1}},
        {"data": ROWS[1:]},
        {"method": "full"},
    ],
)
def test_other_work_is_another_job(
    change: dict[str, object], quick: ftkit.types.Job, base: str
) -> None:
    arguments = {"data": ROWS, "model": base, "hyperparameters": QUICK, **change}
    other = ftkit.submit(arguments.pop("data"), arguments.pop("model"), **arguments)
    assert other.id != quick.id
    other.wait(120)


def test_force_new_starts_a_second_attempt_on_purpose(
    quick: ftkit.types.Job, base: str, home: Path
) -> None:
    second = ftkit.submit(ROWS, base, hyperparameters=QUICK, force_new=True)
    assert second.id == quick.id[:-1] + "2"
    assert second.wait(120).status is JobStatus.SUCCEEDED


def test_a_lost_ledger_finds_the_same_job(quick: ftkit.types.Job, base: str, home: Path) -> None:
    for file in home.glob("ledger.sqlite*"):
        file.unlink()
    with pytest.raises(NotFound, match="no job 'router'"):
        ftkit.job("router")
    assert ftkit.submit(ROWS, base, hyperparameters=QUICK).id == quick.id
    assert runs(home) == [quick.id]


def test_a_job_this_ledger_has_never_seen_is_taken_up_by_its_provider_id(
    quick: ftkit.types.Job, home: Path
) -> None:
    for file in home.glob("ledger.sqlite*"):
        file.unlink()
    adopted = ftkit.job(f"local/{quick.id}")
    assert adopted.status is JobStatus.SUCCEEDED
    assert adopted.model().id == quick.model().id
    assert [job.id for job in ftkit.jobs()] == [quick.id]


def test_a_failed_job_is_tried_anew_as_the_next_attempt(base: str, home: Path) -> None:
    first = ftkit.submit(ROWS, base, hyperparameters={"max_steps": 100_000})
    first.cancel()
    assert first.wait(120).status is JobStatus.CANCELLED
    second = ftkit.submit(ROWS, base, hyperparameters={"max_steps": 100_000})
    assert (first.id[:-1], first.id[-1], second.id[-1]) == (second.id[:-1], "1", "2")
    second.cancel()
    second.wait(120)


@pytest.mark.parametrize("how", ["the same submission", "go on"])
def test_a_job_whose_trainer_died_goes_on_as_itself(how: str, base: str, home: Path) -> None:
    job = ftkit.submit(ROWS, base, hyperparameters=LONG)
    started = next(event for event in job.events(follow=True) if event.type == "started")
    next(event for event in job.events(follow=True) if event.type == "step")
    os.kill(started.data["pid"], signal.SIGKILL)
    assert job.wait(60).status is JobStatus.FAILED
    if how == "go on":
        job.go_on()
    else:
        assert ftkit.submit(ROWS, base, hyperparameters=LONG).id == job.id
    assert job.wait(120).status is JobStatus.SUCCEEDED
    assert runs(home) == [job.id]
    steps = [metric["step"] for metric in job.metrics() if metric["type"] == "step"]
    assert steps == list(range(1, 801))
    assert any(line.what == "resumed" for line in job.history())


def test_a_failed_job_that_cannot_go_on_says_so(base: str) -> None:
    job = ftkit.submit(ROWS, base, hyperparameters={"max_steps": 50, "learning_rate": 1e30})
    assert job.wait(60).status is JobStatus.FAILED
    with pytest.raises(TrainingError, match="cannot go on; submit the same data again"):
        job.go_on()


def test_a_job_that_a_signal_stopped_goes_on(base: str) -> None:
    job = ftkit.submit(ROWS, base, hyperparameters={"max_steps": 100_000})
    started = next(event for event in job.events(follow=True) if event.type == "started")
    os.kill(started.data["pid"], signal.SIGTERM)
    assert job.wait(60).status is JobStatus.FAILED
    assert not job.go_on().status.final
    job.cancel()
    assert job.wait(60).status is JobStatus.CANCELLED


def test_waiting_too_long_leaves_the_job_running(base: str) -> None:
    job = ftkit.submit(ROWS, base, hyperparameters={"max_steps": 100_000})
    with pytest.raises(JobTimeout, match="it goes on"):
        job.wait(timeout_s=0.1)
    assert not job.status.final
    job.cancel()
    assert job.wait(120).status is JobStatus.CANCELLED
    with pytest.raises(TrainingError, match="has no model: cancelled"):
        job.model()


def test_a_second_job_for_the_device_waits_its_turn(base: str) -> None:
    first = ftkit.submit(ROWS, base, hyperparameters={"max_steps": 100_000})
    next(event for event in first.events(follow=True) if event.type == "step")
    second = ftkit.submit(ROWS, base, hyperparameters=QUICK)
    next(event for event in second.events(follow=True) if event.type == "queued")
    assert second.status is JobStatus.QUEUED
    first.cancel()
    assert second.wait(120).status is JobStatus.SUCCEEDED


def test_a_plan_runs_as_quoted_and_refuses_other_rows(base: str) -> None:
    plan = ftkit.estimate(ROWS, base, hyperparameters=QUICK)
    with pytest.raises(DataError, match="made for other rows"):
        ftkit.submit(ROWS[1:], plan=plan)
    with pytest.raises(ConfigError, match="not both"):
        ftkit.submit(ROWS, base, plan=plan)
    job = ftkit.submit(ROWS, plan=plan).wait(120)
    assert job.plan["steps"] == plan.resolved.steps == 2
    assert [metric["step"] for metric in job.metrics() if metric["type"] == "step"] == [1, 2]


def test_events_come_once_and_in_order(quick: ftkit.types.Job) -> None:
    ids = [event.id for event in quick.events(follow=True)]
    assert ids == sorted(set(ids)) and ids[0] == 1
    assert [event.id for event in quick.events(after=ids[1])] == ids[2:]


def test_bad_rows_stop_a_submission_and_leave_nothing(base: str, home: Path) -> None:
    rows = [*ROWS, {"prompt": "q", "completion": " "}]
    with pytest.raises(DataError, match="FT102") as caught:
        ftkit.submit(rows, base, hyperparameters=QUICK)
    assert caught.value.faults[0].row == 13
    assert not (home / "runs").exists()
    assert not (home / "uploads").exists()
    assert Ledger(home).jobs() == []


def test_a_run_with_a_price_above_the_budget_is_refused_before_it_starts(
    base: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = tmp_path / "user.toml"
    user.write_text('[providers.local]\nbackend = "local"\nusd_per_hour = "3600"\n')
    monkeypatch.setenv("FTKIT_CONFIG", str(user))
    plan = ftkit.estimate(ROWS, base, hyperparameters=QUICK)
    assert plan.usd is not None and plan.usd > 0
    with pytest.raises(BudgetError, match="more than max_cost_usd=0.000001"):
        ftkit.submit(ROWS, plan=plan, max_cost_usd="0.000001")
    assert not (home / "runs").exists()
    assert "USD" in str(plan)


def test_what_the_backend_lacks_is_refused_by_name(base: str) -> None:
    with pytest.raises(DataError, match="do not fit the method dpo"):
        ftkit.estimate(ROWS, base, method="dpo")
    with pytest.raises(CapabilityError, match="tools"):
        ftkit.model(base).chat("q", tools=[TOOL])
    with pytest.raises(CapabilityError, match="schema"):
        ftkit.model(base).chat("q", schema={})
    with pytest.raises(CapabilityError, match="learning_rate_multiplier"):
        ftkit.estimate(ROWS, base, hyperparameters={"learning_rate_multiplier": 2})


def test_words_that_are_wrong_name_the_nearest_right_one(base: str) -> None:
    with pytest.raises(ConfigError, match="did you mean 'lora'"):
        ftkit.estimate(ROWS, base, method="lroa")
    with pytest.raises(ConfigError, match="did you mean 'epochs'"):
        ftkit.estimate(ROWS, base, hyperparameters={"epoch": 1})
    with pytest.raises(NotFound, match="did you mean 'local'"):
        ftkit.estimate(ROWS, "locl/x")
    with pytest.raises(ConfigError, match="no model is named"):
        ftkit.estimate(ROWS)
    with pytest.raises(ConfigError, match="provider/name"):
        ftkit.estimate(ROWS, "smollm2")


def test_no_space_for_the_rows_is_one_error_and_no_job(
    base: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = ftkit.estimate(ROWS, base, hyperparameters=QUICK)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ftkit.spending.spool.os.fsync", full)
    with pytest.raises(StorageError, match="No space left on device.*free space"):
        ftkit.submit(ROWS, plan=plan)
    monkeypatch.undo()
    assert list((home / "uploads").iterdir()) == []
    assert Ledger(home).jobs() == []


def test_a_profile_names_the_model(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("ftkit.toml").write_text(
        f'[profiles.default]\nmodel = "{base}"\n[profiles.default.hyperparameters]\nmax_steps = 2\n'
    )
    assert ftkit.estimate(ROWS).resolved.steps == 2
    assert ftkit.estimate(ROWS, hyperparameters={"max_steps": 3}).resolved.steps == 3


def test_job_and_model_pickle(quick: ftkit.types.Job) -> None:
    assert pickle.loads(pickle.dumps(quick)).id == quick.id
    model = quick.model()
    again = pickle.loads(pickle.dumps(model))
    assert (
        again.chat("question 1", max_tokens=4).text == model.chat("question 1", max_tokens=4).text
    )


def test_async_twins_give_the_same(quick: ftkit.types.Job, base: str) -> None:
    import asyncio

    async def story() -> str:
        model = await ftkit.afinetune(ROWS, base, hyperparameters=QUICK)
        reply = await model.achat("question 2", max_tokens=4)
        pieces = [piece async for piece in model.astream("question 2", max_tokens=4)]
        replies = await model.amap(["question 2"], max_tokens=4)
        assert "".join(pieces) == reply.text == replies[0].text
        return reply.text

    assert asyncio.run(story()) == quick.model().chat("question 2", max_tokens=4).text


def test_keys_fit_the_tightest_field() -> None:
    key = attempt_key(stem_of("ab" * 32), 12)
    assert len(key) == 18 and key.isalnum() and key.islower()
    assert parsed_key(key) == (stem_of("ab" * 32), 12)
    assert stem_of("ab" * 32) != stem_of("ac" * 32)


KILLED = """
import sys, ftkit, json
if sys.argv[3:]:  # a submission that forgets what it has asked for
    import os, ftkit.submission.submitting as submitting
    submitting.fingerprint = lambda *parts: os.urandom(32).hex()
rows = json.loads(sys.argv[1])
print("ready", flush=True)
ftkit.finetune(rows, sys.argv[2], hyperparameters={"max_steps": 40}, name="killed")
"""


def killed_at(seconds: float, base: str, home: Path, *broken: str) -> None:
    """An application that is killed `seconds` after it began its job; then a new process asks for the same."""
    arguments = [json.dumps(ROWS), base, *broken]
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, *arguments], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None and child.stdout.readline() == "ready\n"
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    code = KILLED + "\nimport ftkit; print(ftkit.job('killed').id, len(ftkit.jobs()))"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    id, jobs = done.stdout.split()[1:]
    assert jobs == "1"
    assert runs(home) == [id]
    started = [e for e in ftkit.job("killed").events() if e.type == "step" and e.data["step"] == 1]
    assert len(started) == 1, "the first optimiser step ran once: one trainer did the work"
    assert ftkit.job("killed").status is JobStatus.SUCCEEDED


def test_an_application_killed_at_any_moment_has_one_job(base: str, home: Path) -> None:
    killed_at(2.0, base, home)


@pytest.mark.torture
@pytest.mark.parametrize("number", range(20))
def test_an_application_killed_at_twenty_moments_has_one_job(
    number: int, base: str, home: Path
) -> None:
    killed_at(0.1 + number * 0.45, base, home)


@pytest.mark.torture
def test_the_judge_of_one_job_sees_a_submission_that_forgets(base: str, home: Path) -> None:
    with pytest.raises(AssertionError):
        killed_at(8.0, base, home, "forgets")
    assert len(ftkit.jobs()) == 2


def test_settings_are_read_at_call_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTKIT_MODEL", "local/a")
    assert config.settings().model == "local/a"
    monkeypatch.setenv("FTKIT_MODEL", "local/b")
    assert config.settings().model == "local/b"
