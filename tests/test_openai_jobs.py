"""A job's life at OpenAI as ftkit tells it: words nobody knows, errors that are none, numbered events, money."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit.backend import JobStatus, Refused, Training
from ftkit.errors import ProviderError, TrainingError
from ftkit_openai import wire
from ftkit_openai.events import EventBook, newest_first, oldest_first
from tests.emulators.openai import OpenAIEmulator
from tests.emulators.openai.driving import BASE, ask, connect, rows, upload
from tests.openai_desk import EVENTS, LIST, READ, it_is, opened, submit, tuned

pytest_plugins = ("tests.openai_fixtures",)


@pytest.fixture
def training(emulator: OpenAIEmulator) -> Training:
    part = opened().training
    assert part is not None
    return part


def remote_id(job: ftkit.types.Job) -> str:
    found = job.last_seen.remote_id
    assert found is not None
    return found


# --- words and errors ---


@pytest.mark.parametrize(
    ("word", "status"),
    [("validating_files", "queued"), ("paused", "paused"), ("pondering", "other")],
)
def test_a_status_is_kept_as_it_was_said(
    word: str, status: str, emulator: OpenAIEmulator, training: Training
) -> None:
    emulator.set(run_s=600.0)
    job = submit()
    emulator.patch_job(remote_id(job), status=word)
    seen = training.get(remote_id(job))
    assert (seen.status, seen.raw_status, seen.status.final) == (status, word, False)


def test_an_error_whose_fields_are_all_null_is_none(
    emulator: OpenAIEmulator, training: Training
) -> None:
    emulator.set(null_errors=True)
    job = tuned()
    assert training.get(remote_id(job)).error is None
    assert job.status is JobStatus.SUCCEEDED and job.error is None


@pytest.mark.parametrize("error", [None, {}, {"code": None, "message": None}, "odd", []])
def test_only_an_error_that_says_something_is_one(error: object) -> None:
    assert wire.error_of({"error": error}) is None


def test_a_failed_job_says_why_and_what_to_do(emulator: OpenAIEmulator) -> None:
    emulator.set(moderation="file")
    job = submit().wait(60)
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error.startswith("invalid_training_file: ") and "moderation" in job.error
    assert "mend the row" in job.error
    with pytest.raises(TrainingError, match="moderation"):
        job.model()


def test_a_job_that_openai_ended_under_a_word_of_its_own_has_ended(
    emulator: OpenAIEmulator, training: Training
) -> None:
    job = tuned()
    emulator.patch_job(remote_id(job), status="blocked")
    seen = training.get(remote_id(job))
    assert seen.status is JobStatus.OTHER and seen.finished_at is not None


@pytest.mark.parametrize("field", ["id", "status", "model", "created_at"])
def test_a_job_that_lacks_a_field_names_it(
    field: str, emulator: OpenAIEmulator, training: Training
) -> None:
    job = submit()
    emulator.fault(READ, "patch", remove=[field])
    with pytest.raises(ProviderError, match=f"'?{field}"):
        training.get(remote_id(job))


# --- money ---


def test_the_cost_of_a_job_is_what_openai_has_billed(
    emulator: OpenAIEmulator, training: Training
) -> None:
    job = tuned()
    billed = Decimal(emulator.counts()["training_usd"])
    assert training.get(remote_id(job)).usd == billed > 0
    assert job.cost_usd == billed


def test_while_it_runs_the_cost_is_not_known_by_openai(
    emulator: OpenAIEmulator, training: Training
) -> None:
    emulator.set(run_s=600.0)
    assert training.get(remote_id(submit())).usd is None


# --- finding ---


def test_a_key_is_found_on_every_page_and_the_oldest_job_is_first(
    emulator: OpenAIEmulator, training: Training, tmp_path: Path
) -> None:
    with connect(emulator) as sdk:
        file = upload(sdk, rows())
        for number in range(130):
            it_is(f"2026-11-24T12:{number // 60:02}:{number % 60:02}+00:00", tmp_path)
            sdk.fine_tuning.jobs.create(
                model=BASE, training_file=file, metadata={"ftkit_key": "ftkaaaaaaaaaaaaa1"}
            )
    found = training.find("ftkaaaaaaaaaaaaa1")
    assert len(found) == 130
    times = [one.created_at or "" for one in found]
    assert times == sorted(times)
    assert emulator.counts()["requests"][LIST] == 2


def test_a_list_that_was_not_filtered_gives_nobody_elses_job(
    emulator: OpenAIEmulator, training: Training
) -> None:
    """As behind a gateway that drops the query."""
    other = ask(emulator, "GET", f"/v1/fine_tuning/jobs/{remote_id(submit())}").body.decode()
    page = f'{{"object": "list", "data": [{other}], "has_more": false}}'
    emulator.fault(LIST, "reply", status=200, body=page)
    assert training.find("ftkaaaaaaaaaaaaa1") == []


def test_jobs_of_anybody_are_taken_up(emulator: OpenAIEmulator) -> None:
    planted = emulator.plant(130)
    taken = ftkit.import_jobs("openai")
    assert [job.last_seen.remote_id for job in taken] == planted
    assert ftkit.job(f"openai/{planted[3]}").status is JobStatus.SUCCEEDED


def test_a_list_that_never_ends_is_an_error_and_not_a_job_that_is_not_there(
    emulator: OpenAIEmulator, training: Training
) -> None:
    emulator.plant(3)
    emulator.fault(LIST, "reply", status=200, body='{"data": [], "has_more": true}', times=None)
    with pytest.raises(ProviderError, match="empty page says that more follow"):
        training.find("ftkaaaaaaaaaaaaa1")


# --- events ---


def events(training: Training, id: str, after: int = 0) -> list[tuple[int, str]]:
    return [(one.id, one.message) for one in training.events(id, after)]


def test_events_are_numbered_from_the_oldest_and_the_numbers_stay(
    emulator: OpenAIEmulator, training: Training
) -> None:
    emulator.set(run_s=60.0)
    job = tuned(hyperparameters={"epochs": 10})  # 120 steps: more than a page of events
    told = events(training, remote_id(job))
    assert [number for number, _ in told] == list(range(1, len(told) + 1))
    assert len(told) > 120
    assert told[0][1].startswith("Created fine-tuning job")
    assert told[-1][1] == "The job has successfully completed"
    assert events(training, remote_id(job), after=100) == told[100:]
    steps = [one for one in training.events(remote_id(job), 0) if one.type == "step"]
    assert [one.data["step"] for one in steps] == list(range(1, 121))
    assert all(one.data["steps"] == 120 and one.data["loss"] > 0 for one in steps)


@pytest.mark.parametrize("fault", ["duplicate", "reverse"])
def test_events_that_come_twice_or_from_the_other_end_have_the_same_numbers(
    fault: str, emulator: OpenAIEmulator
) -> None:
    emulator.set(run_s=60.0)
    job = tuned()
    first, second = opened().training, _another_process()
    assert first is not None
    told = events(first, remote_id(job))
    emulator.fault(EVENTS, fault, times=None)
    assert events(second, remote_id(job)) == told


def test_a_poll_reads_only_the_pages_with_news(
    emulator: OpenAIEmulator, training: Training, tmp_path: Path
) -> None:
    emulator.set(run_s=600.0)
    job = submit(hyperparameters={"epochs": 50})
    it_is("2026-11-24T12:08:00+00:00", tmp_path)
    seen = events(training, remote_id(job))
    assert len(seen) > 400
    before = emulator.counts()["requests"][EVENTS]
    it_is("2026-11-24T12:08:30+00:00", tmp_path)
    fresh = events(training, remote_id(job), after=seen[-1][0])
    assert emulator.counts()["requests"][EVENTS] - before == 1
    assert [number for number, _ in fresh] == list(range(len(seen) + 1, len(seen) + 1 + len(fresh)))
    assert fresh and events(_another_process(), remote_id(job)) == seen + fresh


def test_a_moderation_check_and_a_warning_keep_their_kind(emulator: OpenAIEmulator) -> None:
    emulator.set(moderation_events=True)
    kinds = [event.type for event in tuned().events()]
    assert "moderation_checks" in kinds
    emulator.set(run_s=600.0)
    job = submit(hyperparameters={"seed": 5})
    job.cancel()
    assert [event.type for event in job.events()][-1] == "warning"


def test_a_step_without_its_count_takes_it_from_the_words() -> None:
    shown = {
        "id": "ftevent-1",
        "created_at": 1_700_000_000,
        "type": "metrics",
        "message": "Step 7/30: training loss=0.21",
        "data": {"step": 7, "train_loss": 0.21},
    }
    told = wire.event(shown, 9)
    assert (told.id, told.type, told.data["step"], told.data["steps"]) == (9, "step", 7, 30)
    bare = wire.event({**shown, "message": "", "data": None}, 9)
    assert (bare.type, bare.message) == ("metrics", "metrics")


def test_the_order_follows_from_the_list_alone() -> None:
    listed = [_raw(id, at) for id, at in (("d", 3), ("c", 2), ("b", 2), ("a", 1))]
    for page in (listed, listed[::-1]):
        for given in (newest_first(page), [one for one in newest_first(page) for _ in range(2)]):
            assert [one["id"] for one in oldest_first(given)] == ["a", "b", "c", "d"]
    assert newest_first([]) == oldest_first([]) == []


def test_the_book_of_events_stays_small() -> None:
    book = EventBook()

    def pages() -> Iterator[list[dict[str, Any]]]:
        yield [_raw("a", 1)]

    for number in range(100):
        book.numbered(f"job-{number}", pages)
    assert len(book._known) == 16


# --- the end ---


def test_checkpoints_are_models_oldest_first(emulator: OpenAIEmulator) -> None:
    job = tuned(hyperparameters={"epochs": 5, "batch_size": 4})
    kept = job.checkpoints()
    assert [one.step for one in kept] == [9, 12, 15]
    model = ftkit.model(f"openai/{kept[0].id}")
    assert model.tuned and model.record.base == BASE
    assert model.chat("question 2").text == "answer 2"


def test_a_cancel_that_comes_while_the_job_ends_is_no_error(
    emulator: OpenAIEmulator, training: Training
) -> None:
    job = tuned()
    emulator.fault(READ, "patch", fields={"status": "running"})  # what it was a moment ago
    training.cancel(remote_id(job))
    emulator.set(run_s=600.0)
    other = submit(hyperparameters={"seed": 3})
    refusal = '{"error": {"message": "not now", "code": "no"}}'
    emulator.fault("POST /v1/fine_tuning/jobs/ID/cancel", "reply", status=400, body=refusal)
    with pytest.raises(Refused, match="not now"):
        training.cancel(remote_id(other))


def test_a_job_without_a_model_says_how_it_ended(
    emulator: OpenAIEmulator, training: Training
) -> None:
    emulator.set(job_error="server_error")
    job = submit().wait(60)
    with pytest.raises(TrainingError, match="it is failed: server_error"):
        training.result(remote_id(job))


def test_a_job_that_goes_on_from_a_tuned_model_is_refused_with_what_to_take(
    emulator: OpenAIEmulator,
) -> None:
    with pytest.raises(ftkit.errors.CapabilityError, match=f"train from {BASE}"):
        submit(model=f"openai/ft:{BASE}:org::1")


def _another_process() -> Training:
    """The backend as a new process opens it, with nothing in memory."""
    from ftkit.registry import _open

    _open.cache_clear()
    part = opened().training
    assert part is not None
    return part


def _raw(id: str, at: int) -> dict[str, Any]:
    return {"id": id, "created_at": at, "type": "message", "message": id}
