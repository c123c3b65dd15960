"""A job's life on the emulator's clock, its lists and pages, its results, and what a test may order it to show."""

from __future__ import annotations

import base64
import csv
import io
import json
from decimal import Decimal

import openai
import pytest

from tests.emulators.openai import EmulatorError, OpenAIEmulator, driving
from tests.emulators.openai.driving import EVENTS, LIST, Time, ask, create, rows, supervised, upload

server, emulator, client, time = driving.server, driving.emulator, driving.client, driving.time


def status(client: openai.OpenAI, id: str) -> str:
    """The job's status now."""
    return str(client.fine_tuning.jobs.retrieve(id).status)


def test_a_job_moves_by_the_clock_alone(
    client: openai.OpenAI, emulator: OpenAIEmulator, time: Time
) -> None:
    emulator.set(validating_s=10, queue_s=20, run_s=60)
    job = create(client, method=supervised(n_epochs=3))
    seen = []
    for _ in range(10):
        seen.append(status(client, job.id))
        time.pass_(10)
    assert seen == [
        "validating_files",
        "queued",
        "queued",
        *["running"] * 6,
        "succeeded",
    ]
    done = client.fine_tuning.jobs.retrieve(job.id)
    assert done.finished_at == job.created_at + 90


def test_a_job_that_nobody_looked_at_has_lived_all_the_same(
    client: openai.OpenAI, emulator: OpenAIEmulator, time: Time
) -> None:
    emulator.set(validating_s=10, queue_s=20, run_s=36)
    job = create(client, method=supervised(n_epochs=1, batch_size=1))
    time.pass_(1000)
    events = list(client.fine_tuning.jobs.list_events(job.id, limit=5))
    moments = [event.created_at - job.created_at for event in events[::-1]]
    assert moments == [0, 0, 10, 30, *range(33, 67, 3), 66, 66]
    assert len({event.id for event in events}) == len(events)
    first = next(event for event in events[::-1] if event.type == "metrics")
    assert json.loads(json.dumps(first.data)) == {
        "step": 1,
        "train_loss": 1.6576,
        "train_mean_token_accuracy": 0.53272,
        "total_steps": 12,
    }


def test_progress_while_it_runs(
    client: openai.OpenAI, emulator: OpenAIEmulator, time: Time
) -> None:
    emulator.set(run_s=100)
    job = create(client, method=supervised(n_epochs=4))
    assert client.fine_tuning.jobs.checkpoints.list(job.id).data == []
    time.pass_(50)
    running = client.fine_tuning.jobs.retrieve(job.id)
    assert running.estimated_finish == job.created_at + 100
    assert (running.trained_tokens, running.result_files) == (None, [])
    client.fine_tuning.jobs.cancel(job.id)
    time.pass_(50)
    full = 12 * 12 * 4 * Decimal(3) / 1_000_000
    assert Decimal(emulator.counts()["usd"]) == full / 2  # what was done is billed, and no more


def test_results_are_a_csv_of_every_step(client: openai.OpenAI) -> None:
    job = create(client, validation_file=upload(client, rows(2)), method=supervised(n_epochs=2))
    (file,) = client.fine_tuning.jobs.retrieve(job.id).result_files
    table = list(csv.DictReader(io.StringIO(client.files.content(file).text)))
    assert [row["step"] for row in table] == [str(step) for step in range(1, 25)]
    assert float(table[0]["train_loss"]) > float(table[-1]["train_loss"])
    assert table[0]["valid_loss"]
    assert client.files.retrieve(file).purpose == "fine-tune-results"


def test_results_may_come_as_base64(client: openai.OpenAI, emulator: OpenAIEmulator) -> None:
    emulator.set(base64_results=True)
    job = create(client)
    (file,) = client.fine_tuning.jobs.retrieve(job.id).result_files
    assert base64.b64decode(client.files.content(file).content).startswith(b"step,train_loss,")


@pytest.mark.parametrize(("epochs", "steps"), [(1, [12]), (5, [60, 48, 36])])
def test_the_last_three_epochs_are_kept_as_models(
    client: openai.OpenAI, epochs: int, steps: list[int]
) -> None:
    job = create(client, method=supervised(n_epochs=epochs))
    name = client.fine_tuning.jobs.retrieve(job.id).fine_tuned_model
    found = client.fine_tuning.jobs.checkpoints.list(job.id).data
    assert [one.step_number for one in found] == steps
    for one in found:
        assert one.fine_tuned_model_checkpoint == f"{name}:ckpt-step-{one.step_number}"
        assert client.models.retrieve(one.fine_tuned_model_checkpoint)
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve(f"{name}:ckpt-step-7")


@pytest.mark.parametrize("limit", [1, 2, 7, 100])
def test_pages_hold_every_job_once_newest_first(client: openai.OpenAI, limit: int) -> None:
    file = upload(client)
    made = [create(client, file).id for _ in range(7)]
    assert [job.id for job in client.fine_tuning.jobs.list(limit=limit)] == made[::-1]


def test_the_default_page_has_twenty(client: openai.OpenAI) -> None:
    file = upload(client)
    for _ in range(21):
        create(client, file)
    page = client.fine_tuning.jobs.list()
    assert (len(page.data), page.has_more) == (20, True)


@pytest.mark.parametrize("limit", [1, 3, 50])
def test_pages_of_events_hold_each_once(client: openai.OpenAI, limit: int) -> None:
    job = create(client, method=supervised(n_epochs=1))
    found = list(client.fine_tuning.jobs.list_events(job.id, limit=limit))
    assert len(found) == len({event.id for event in found}) == 18
    assert found[-1].message.startswith("Created fine-tuning job")


def test_the_metadata_filter_finds_exactly_one(client: openai.OpenAI) -> None:
    file = upload(client)
    made = {
        key: create(client, file, metadata={"key": key, "team": "a"}).id for key in ("one", "two")
    }
    create(client, file)
    found = client.fine_tuning.jobs.list(metadata={"key": "two"}).data
    assert [job.id for job in found] == [made["two"]]
    assert len(client.fine_tuning.jobs.list(metadata={"team": "a"}).data) == 2
    assert client.fine_tuning.jobs.list(metadata={"key": "one", "team": "b"}).data == []


def test_a_new_job_is_listed_late_and_read_at_once(
    client: openai.OpenAI, emulator: OpenAIEmulator, time: Time
) -> None:
    emulator.set(listing_lag_s=30)
    job = create(client, metadata={"key": "k"})
    assert client.fine_tuning.jobs.retrieve(job.id).id == job.id
    time.pass_(29.9)
    assert client.fine_tuning.jobs.list(metadata={"key": "k"}).data == []
    time.pass_(0.1)
    assert [one.id for one in client.fine_tuning.jobs.list(metadata={"key": "k"})] == [job.id]


def test_event_pages_come_doubled_or_in_another_order(
    client: openai.OpenAI, emulator: OpenAIEmulator
) -> None:
    job = create(client)
    straight = [event.id for event in client.fine_tuning.jobs.list_events(job.id, limit=5).data]
    emulator.fault(EVENTS, "duplicate")
    doubled = client.fine_tuning.jobs.list_events(job.id, limit=5).data
    assert [event.id for event in doubled] == [id for id in straight for _ in range(2)]
    emulator.fault(EVENTS, "reverse")
    turned = client.fine_tuning.jobs.list_events(job.id, limit=5).data
    assert [event.id for event in turned] == straight[::-1]


def test_a_healthy_job_may_carry_an_error_of_nulls(
    client: openai.OpenAI, emulator: OpenAIEmulator
) -> None:
    emulator.set(null_errors=True)
    job = client.fine_tuning.jobs.retrieve(create(client).id)
    assert job.status == "succeeded"
    assert job.error is not None and job.error.code is None


def test_a_status_nobody_has_heard_of_is_shown_while_the_job_goes_on(
    client: openai.OpenAI, emulator: OpenAIEmulator, time: Time
) -> None:
    emulator.set(run_s=10)
    job = create(client)
    emulator.patch_job(job.id, status="contemplating")
    assert status(client, job.id) == "contemplating"
    time.pass_(10)
    emulator.patch_job(job.id, status=None)
    assert status(client, job.id) == "succeeded"


def test_a_test_ends_stops_and_loses_jobs(
    client: openai.OpenAI, emulator: OpenAIEmulator, time: Time
) -> None:
    emulator.set(run_s=10)
    file = upload(client)
    ended = {end: create(client, file).id for end in ("succeeded", "failed", "cancelled")}
    for end, id in ended.items():
        emulator.patch_job(id, status=end)
        assert status(client, id) == end
    stopped = create(client, file)
    emulator.patch_job(stopped.id, frozen=True)
    time.pass_(100)
    assert status(client, stopped.id) == "running"
    emulator.patch_job(stopped.id, frozen=False)
    time.pass_(10)
    assert status(client, stopped.id) == "succeeded"
    emulator.lose_job(stopped.id)
    with pytest.raises(openai.NotFoundError):
        status(client, stopped.id)
    assert emulator.counts()["jobs"] == 4


def test_a_job_that_has_ended_is_not_cancelled_again(client: openai.OpenAI) -> None:
    job = create(client)
    with pytest.raises(openai.BadRequestError, match="succeeded"):
        client.fine_tuning.jobs.cancel(job.id)


def test_a_job_fails_half_way(client: openai.OpenAI, emulator: OpenAIEmulator) -> None:
    emulator.set(job_error="server_error")
    job = client.fine_tuning.jobs.retrieve(create(client, method=supervised(n_epochs=2)).id)
    assert job.error is not None
    assert (job.status, job.error.code) == ("failed", "server_error")
    metrics = [one for one in client.fine_tuning.jobs.list_events(job.id) if one.type == "metrics"]
    assert len(metrics) == 12


def test_a_planted_history_is_listed_whole_and_never_counted(
    client: openai.OpenAI, emulator: OpenAIEmulator
) -> None:
    ids = emulator.plant(30, failed_every=10, delete_files_every=7)
    mine = create(client).id
    assert [job.id for job in client.fine_tuning.jobs.list(limit=9)] == [mine, *ids[::-1]]
    counts = emulator.counts()
    assert (counts["jobs"], counts["files"]) == (1, 1)
    jobs = [client.fine_tuning.jobs.retrieve(id) for id in ids]
    assert [job.status == "failed" for job in jobs] == [n % 10 == 0 for n in range(1, 31)]
    lost = [ask(emulator, "GET", f"/v1/files/{job.training_file}").status == 404 for job in jobs]
    assert lost == [n % 7 == 0 for n in range(1, 31)]
    assert client.files.content(jobs[0].result_files[0]).text.startswith("step,")
    assert len(client.fine_tuning.jobs.checkpoints.list(jobs[0].id).data) == 2
    answer = client.chat.completions.create(
        model=str(jobs[3].fine_tuned_model), messages=[{"role": "user", "content": "question 4-2?"}]
    )
    assert answer.choices[0].message.content == "answer 4-2"


def test_nonsense_is_refused_by_the_handle(emulator: OpenAIEmulator) -> None:
    for wrong in ({"sped": 1}, {"run_s": "fast"}, {"quota": "plenty"}, {"now": "noon"}):
        with pytest.raises(EmulatorError):
            emulator.set(**wrong)
    with pytest.raises(EmulatorError):
        emulator.fault("GET /v1/nothing", "close")
    with pytest.raises(EmulatorError):
        emulator.fault(LIST, "explode")
