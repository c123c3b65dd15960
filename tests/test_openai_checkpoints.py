"""Pausing at OpenAI, and its checkpoints: each is a model that answers as the job's own does."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

import ftkit
from ftkit.backend import Pause, Refused
from ftkit.types import JobStatus
from tests.at_terminal import as_json
from tests.at_terminal import ftkit as command
from tests.emulators.openai import OpenAIEmulator
from tests.openai_desk import BASE, CHAT, READ, configure, it_is, opened, submit, tuned

pytest_plugins = ("tests.openai_fixtures",)

PAUSE = "POST /v1/fine_tuning/jobs/ID/pause"
RESUME = "POST /v1/fine_tuning/jobs/ID/resume"
SYSTEM = "You answer questions by their number."
FIVE = {"epochs": 5, "batch_size": 4}


def rows() -> ftkit.types.Dataset:
    return ftkit.load(
        [{"prompt": f"question {n}", "completion": f"answer {n}"} for n in range(12)],
        system=SYSTEM,
    )


# --- pause ---


def test_a_job_pauses_and_goes_on(emulator: OpenAIEmulator, tmp_path: Path) -> None:
    emulator.set(run_s=600.0)
    job = submit()
    it_is("2026-11-24T12:05:00+00:00", tmp_path)
    job.pause()
    assert (job.status, job.raw_status) == (JobStatus.PAUSED, "paused")
    it_is("2026-11-24T20:00:00+00:00", tmp_path)
    assert job.status is JobStatus.PAUSED
    job.resume()
    assert job.status is JobStatus.RUNNING
    assert job.wait(3600).status is JobStatus.SUCCEEDED
    assert emulator.counts()["jobs"] == 1


@pytest.mark.parametrize("process", [True, False], ids=["answer lost", "never arrived"])
def test_a_lost_pause_is_asked_for_again_and_holds_once(
    process: bool, emulator: OpenAIEmulator
) -> None:
    emulator.set(run_s=600.0)
    job = submit()
    emulator.fault(PAUSE, "close", process=process)
    job.pause()
    emulator.fault(RESUME, "close", process=process)
    assert job.status is JobStatus.PAUSED
    job.resume()
    assert job.status is JobStatus.RUNNING
    requests = emulator.counts()["requests"]
    assert requests[PAUSE] == requests[RESUME] == (1 if process else 2)


def test_a_pause_that_openai_refuses_is_told_unless_it_is_so_by_then(
    emulator: OpenAIEmulator,
) -> None:
    emulator.set(run_s=600.0)
    job, training = submit(), opened().training
    assert isinstance(training, Pause)
    id = job.last_seen.remote_id or ""
    refusal = '{"error": {"message": "not now", "code": "no"}}'
    emulator.fault(PAUSE, "reply", status=400, body=refusal)
    with pytest.raises(Refused, match="not now"):
        training.pause(id)
    training.pause(id)
    emulator.fault(READ, "patch", fields={"status": "running"})  # what it was a moment ago
    training.pause(id)


def test_while_a_job_is_paused_its_emptiness_is_no_stall(
    emulator: OpenAIEmulator,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configure(tmp_path, monkeypatch, poll_s=300.0)
    emulator.set(run_s=600.0)
    job = submit()
    job.pause()
    it_is("2026-11-24T18:00:00+00:00", tmp_path)
    with caplog.at_level(logging.WARNING, "ftkit"), pytest.raises(ftkit.errors.JobTimeout):
        job.wait(timeout_s=3 * 3600)
    assert "no sign of life" not in caplog.text
    assert caplog.text.count("is paused; `ftkit job resume") == 1


# --- checkpoints ---


def test_a_checkpoint_is_a_model_with_the_frozen_prompt_of_its_job(
    emulator: OpenAIEmulator,
) -> None:
    job = tuned(rows=rows(), hyperparameters=FIVE)
    kept, whole = job.checkpoints(), job.model()
    assert [one.step for one in kept] == [9, 12, 15]
    model = kept[0].model()
    assert model.id == f"openai/{kept[0].id}" == kept[0].model_id
    assert kept[0].id.endswith(":ckpt-step-9")
    for name in ("base", "system", "template", "method", "job", "data_sha256", "snapshot"):
        assert getattr(model.record, name) == getattr(whole.record, name), name
    assert model.system == SYSTEM
    assert model.chat("question 3").text == "answer 3"
    (sent,) = [one["json"] for one in emulator.log() if one["route"] == CHAT]
    assert sent["model"] == kept[0].id
    assert [m["content"] for m in sent["messages"]] == [SYSTEM, "question 3"]


def test_a_checkpoint_tells_its_numbers(emulator: OpenAIEmulator) -> None:
    for one in tuned(hyperparameters=FIVE).checkpoints():
        assert one.metrics["train_loss"] > 0
        assert "step" not in one.metrics and "train_loss" in str(one)


def test_a_checkpoint_is_saved_and_opened_as_any_model(
    emulator: OpenAIEmulator, tmp_path: Path
) -> None:
    kept = tuned(rows=rows(), hyperparameters=FIVE).checkpoints()
    kept[1].model().save(tmp_path / "router.json")
    again = ftkit.model(tmp_path / "router.json")
    assert (again.record.native, again.system) == (kept[1].id, SYSTEM)
    assert again.chat("question 1").text == "answer 1"


def test_a_checkpoint_is_opened_by_its_name_alone(emulator: OpenAIEmulator) -> None:
    (first, *_) = tuned(hyperparameters=FIVE).checkpoints()
    model = ftkit.model(first.model_id)
    assert model.tuned and model.record.base == BASE
    assert model.chat("question 2").text == "answer 2"


def test_a_job_that_runs_has_none_yet(emulator: OpenAIEmulator) -> None:
    emulator.set(run_s=600.0)
    job = submit(hyperparameters=FIVE)
    assert job.checkpoints() == []
    assert "has no checkpoints" in command("job", "checkpoints", job.id)


def test_the_command_lists_them(emulator: OpenAIEmulator) -> None:
    job = tuned(hyperparameters=FIVE)
    told = as_json("job", "checkpoints", job.id)["checkpoints"]
    assert [one["step"] for one in told] == [9, 12, 15]
    assert told[0]["metrics"]["train_loss"] > 0
    said = command("job", "checkpoints", job.id)
    assert told[0]["model_id"] in said
    assert "answer 4" in command("chat", told[0]["model_id"], "question 4")
