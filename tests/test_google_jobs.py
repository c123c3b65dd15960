"""Jobs at Google: both of its words for a state, what it tells of rows, epochs and tokens, its checkpoints, what went wrong."""

from __future__ import annotations

import logging
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit.backend import History, JobStatus, Refused
from ftkit.errors import CapabilityError, NotFound, ProviderError, TrainingError
from ftkit.submission.evidence import words_of
from ftkit_google import events, failures, wire
from tests.at_terminal import ftkit as command
from tests.emulators.google import GoogleEmulator
from tests.google_desk import BASE, CREATE, READ, ROWS, configure, opened, sent, submit, tuned

pytest_plugins = ("tests.google_fixtures",)

NAME = "projects/1/locations/us-central1/tuningJobs/7"
ENDPOINT = "projects/1/locations/us/endpoints/5"


def job(state: str = "JOB_STATE_RUNNING", **fields: Any) -> dict[str, Any]:
    """A job as Google tells it."""
    spec = {"hyperParameters": {"epochCount": "3"}, "trainingDatasetUri": "gs://b/rows"}
    told = {"name": NAME, "state": state, "createTime": "2026-11-24T12:00:00.123456789Z"}
    return {**told, "baseModel": BASE, "supervisedTuningSpec": spec, **fields}


def seen(state: str = "JOB_STATE_RUNNING", **fields: Any) -> Any:
    return wire.remote(job(state, **fields), lambda reply: None)


# --- states ---


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("QUEUED", JobStatus.QUEUED),
        ("PENDING", JobStatus.QUEUED),
        ("RUNNING", JobStatus.RUNNING),
        ("UPDATING", JobStatus.RUNNING),
        ("CANCELLING", JobStatus.RUNNING),
        ("PAUSED", JobStatus.PAUSED),
        ("SUCCEEDED", JobStatus.SUCCEEDED),
        ("FAILED", JobStatus.FAILED),
        ("EXPIRED", JobStatus.FAILED),
        ("CANCELLED", JobStatus.CANCELLED),
        ("UNSPECIFIED", JobStatus.OTHER),
        ("PONDERING", JobStatus.OTHER),
    ],
)
def test_every_state_is_one_of_ours_and_keeps_its_word(word: str, status: JobStatus) -> None:
    remote = seen(f"JOB_STATE_{word}")
    assert (remote.status, remote.raw_status) == (status, f"JOB_STATE_{word}")


@pytest.mark.parametrize(
    ("model", "status"), [({"endpoint": ENDPOINT}, JobStatus.SUCCEEDED), ({}, JobStatus.FAILED)]
)
def test_success_in_part_is_one_where_there_is_a_model(
    model: dict[str, str], status: JobStatus
) -> None:
    assert seen("JOB_STATE_PARTIALLY_SUCCEEDED", tunedModel=model).status is status


def test_an_expired_job_says_what_to_do() -> None:
    assert "submit again" in str(seen("JOB_STATE_EXPIRED").error)


def test_waiting_for_quota_and_for_machines_are_evidence_of_life(google: GoogleEmulator) -> None:
    """The state says RUNNING all the time; the second word is what changes."""
    google.set(dataset_s=60.0, capacity_s=60.0, run_s=600.0)
    first = submit()
    second = submit(hyperparameters={"epochs": 1})
    assert second.last_seen.raw_status != ""
    training = opened().training
    assert training is not None
    words = []
    for one in (first, second):
        words.append(words_of(training.get(str(one.last_seen.remote_id))))
    assert "PROCESSING_DATASET" in words[0] and "WAITING_FOR_QUOTA" in words[1]
    assert first.wait(7200).status is JobStatus.SUCCEEDED
    assert second.wait(7200).status is JobStatus.SUCCEEDED


# --- what it tells ---


def test_progress_is_epochs_that_are_done() -> None:
    assert seen(tuningJobMetadata={"completedEpochCount": "1"}).progress == (1, 3)
    assert seen().progress is None
    late = {"completedEpochCount": "2"}
    assert seen("JOB_STATE_SUCCEEDED", tuningJobMetadata=late).progress is None


def test_what_google_bills_is_its_own_count_once_an_epoch(google: GoogleEmulator) -> None:
    done = tuned(hyperparameters={"epochs": 2})
    counts = google.counts()
    assert done.last_seen.cost_usd == Decimal(counts["training_usd"]) > 0
    training = opened().training
    assert isinstance(training, History)
    told = training.told(str(done.last_seen.remote_id))
    assert told.tokens is not None
    assert done.last_seen.cost_usd == told.tokens * Decimal(3) / 1_000_000
    assert told.hyperparameters["epochCount"] == "2"


def test_rows_that_were_left_out_are_told_by_our_numbers(
    google: GoogleEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    google.set(max_row_tokens=6)
    rows = [dict(one) for one in ROWS]
    rows[4]["prompt"] = rows[9]["prompt"] = "many words " * 10
    done = tuned(rows=rows)
    (warning,) = [one for one in done.events() if one.type == "warning"]
    assert warning.data["rows"] == [5, 10]
    assert warning.message.startswith("Google left out 2 rows and did not train on them: row 5 (")
    assert "row 5 (" in command("job", "events", done.id)


def test_left_out_rows_of_which_google_names_a_few() -> None:
    said = events.left_out(40, [(3, "too long"), (9, "")])
    assert said.endswith("row 3 (too long), row 9, 38 more")
    assert events.left_out(1, []).endswith("did not train on it; it names none of them")


def test_epochs_are_events_and_a_number_once_read_is_never_passed_over(
    google: GoogleEmulator,
) -> None:
    done = tuned(hyperparameters={"epochs": 2})
    told = list(done.events())
    assert [one.message for one in told if one.type == "step"] == ["epoch 1 of 2", "epoch 2 of 2"]
    ids = [one.id for one in told]
    assert ids == sorted(set(ids))
    assert told[-1].message == "the job has succeeded"


# --- checkpoints ---


def test_checkpoints_are_models_of_their_own(google: GoogleEmulator) -> None:
    done = tuned(hyperparameters={"epochs": 3})
    kept = done.checkpoints()
    assert len(kept) == 3 and len({one.id for one in kept}) == 3
    assert [one.metrics["epoch"] for one in kept] == [1.0, 2.0, 3.0]
    first = ftkit.model(f"google/{kept[0].id}")
    assert first.chat("question 1").text
    assert sent(google)["supervisedTuningSpec"]["exportLastCheckpointOnly"] is False


# --- refused and failed ---


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("RESOURCE_EXHAUSTED", "global concurrent tuning jobs"),
        ("PERMISSION_DENIED", "needs the role Vertex AI User"),
        ("FAILED_PRECONDITION", "Precondition check failed"),
        ("INVALID_ARGUMENT", "invalid argument"),
    ],
)
def test_a_refusal_says_what_to_do_and_what_lies_in_the_bucket(
    code: str, words: str, google: GoogleEmulator
) -> None:
    google.refuse(CREATE, code)
    with pytest.raises(Refused, match=words) as refused:
        submit()
    (lies,), (made,) = google.objects(), ftkit.jobs()
    assert f"gs://acme-bucket/{lies['name']} stays in the bucket" in str(refused.value)
    assert lies["name"] in command("job", "delete-files", made.id)
    assert google.objects() == []


def test_a_job_that_fails_says_why_and_what_to_do(google: GoogleEmulator) -> None:
    google.set(job_error="PERMISSION_DENIED")
    done = submit().wait(7200)
    assert done.status is JobStatus.FAILED
    assert done.error is not None and "Storage Object Viewer" in done.error
    with pytest.raises(TrainingError, match="PERMISSION_DENIED"):
        done.model()


@pytest.mark.parametrize(
    ("code", "message", "said"),
    [
        (3, "Row 7 is empty.", "INVALID_ARGUMENT: Row 7 is empty. (mend row 7, then submit again)"),
        (3, "odd", "INVALID_ARGUMENT: odd (mend the rows or the settings that it names"),
        (99, "odd", "code 99: odd"),
        (None, "odd", "odd"),
        (None, " ", None),
    ],
)
def test_googles_codes_are_words_with_a_mend(
    code: int | None, message: str, said: str | None
) -> None:
    told = failures.explained(code, message)
    assert told is None if said is None else str(told).startswith(said)


def test_a_cancelled_job_is_asked_once_and_ends(google: GoogleEmulator) -> None:
    google.set(run_s=3600.0, cancelling_s=60.0)
    running = submit()
    running.cancel()
    running.cancel()
    assert running.wait(7200).status is JobStatus.CANCELLED
    assert google.counts()["requests"]["POST tuningJobs/ID:cancel"] == 1


def test_a_job_of_another_location_is_read_there(
    google: GoogleEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = submit()
    configure(tmp_path, monkeypatch, location="europe-west4")
    backend = opened()
    assert backend.training is not None
    remote = str(done.last_seen.remote_id)
    assert backend.training.get(remote).id == remote
    assert "/at/us-central1/" in [one["path"] for one in google.log() if one["route"] == READ][-1]


def test_what_is_no_job_is_not_asked_for(google: GoogleEmulator) -> None:
    training = opened().training
    assert training is not None
    for id in ("7", ENDPOINT, "projects/x/locations/../tuningJobs/7"):
        with pytest.raises(NotFound, match="is no job of Google's"):
            training.get(id)
    assert google.counts()["requests"] == {}


def test_another_jobs_answer_is_not_taken_for_its_end(google: GoogleEmulator) -> None:
    done = submit()
    training = opened().training
    assert training is not None
    google.fault(READ, "patch", fields={"name": NAME})
    with pytest.raises(ProviderError, match="answered with another one"):
        training.get(str(done.last_seen.remote_id))


# --- what is sent ---


def test_the_preview_is_what_is_sent(google: GoogleEmulator) -> None:
    shown: Any = ftkit.submit(ROWS, f"google/{BASE}", name="router", dry_run=True)
    done = submit(name="router", validation=ROWS[:3])
    body = sent(google)
    assert body["labels"] == {"ftkit_key": done.id}
    assert set(shown.request["json"]) == set(body)
    spec = shown.request["json"]["supervisedTuningSpec"]
    assert spec["hyperParameters"] == body["supervisedTuningSpec"]["hyperParameters"]
    assert body["supervisedTuningSpec"]["validationDatasetUri"].startswith(
        "gs://acme-bucket/ftkit/"
    )
    assert body["tunedModelDisplayName"] == "router"


@pytest.mark.parametrize("rank", [3, 5, 32])
def test_a_rank_that_is_no_adapter_size_is_refused_by_name(rank: int) -> None:
    with pytest.raises(CapabilityError, match=f"lora_rank = {rank}"):
        submit(hyperparameters={"lora_rank": rank})


def test_preference_tuning_sends_beta_and_scored_answers(
    google: GoogleEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTKIT_NOW", f"file:{tmp_path / 'now'}")
    (tmp_path / "now").write_text("2026-10-01T12:00:00+00:00")
    asked = [{"role": "user", "content": "hello"}]
    pairs = [
        {
            "input": {"messages": asked},
            "preferred_output": [{"role": "assistant", "content": f"good {n}"}],
            "non_preferred_output": [{"role": "assistant", "content": f"bad {n}"}],
        }
        for n in range(12)
    ]
    done = submit(pairs, "google/gemini-2.5-flash", method="dpo", hyperparameters={"beta": 0.2})
    assert done.wait(7200).status is JobStatus.SUCCEEDED, done.error
    spec = sent(google)["preferenceOptimizationSpec"]
    assert spec["hyperParameters"]["beta"] == 0.2
    assert done.last_seen.cost_usd == Decimal(google.counts()["training_usd"])


def test_a_bill_over_the_quote_is_told(
    google: GoogleEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    google.set(run_s=600.0)
    running = submit()
    stats = {"supervisedTuningDataStats": {"totalBillableTokenCount": "5000000"}}
    fields = {"tuningDataStats": stats, "state": "JOB_STATE_SUCCEEDED"}
    google.fault(READ, "patch", fields=fields)
    with caplog.at_level(logging.WARNING, "ftkit"):
        assert running.status is JobStatus.SUCCEEDED
    assert f"job {running.id} cost 45 USD, more than the" in caplog.text
