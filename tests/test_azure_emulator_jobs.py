"""A job on Azure: the trainingType that must be there, its own states and nulls, its names and its checkpoints."""

from __future__ import annotations

import csv
import io
import re
from decimal import Decimal
from typing import Any

import openai
import pytest

from tests.emulators.azure import AzureEmulator, driving
from tests.emulators.azure.driving import BASE, Time, create, rows, supervised, trained, upload

server, emulator, client, time = driving.server, driving.emulator, driving.client, driving.time


def status(client: openai.OpenAI, id: str) -> str:
    """The job's state now, whatever the SDK's types know of it."""
    return str(client.fine_tuning.jobs.retrieve(id).status)


def refused(client: openai.OpenAI, **fields: Any) -> openai.APIStatusError:
    """The refusal of a create."""
    with pytest.raises(openai.APIStatusError) as raised:
        create(client, **fields)
    return raised.value


def test_a_create_without_trainingtype_is_told_that_the_base_cannot_be_tuned(
    client: openai.OpenAI, emulator: AzureEmulator
) -> None:
    error = refused(client, kind=None)
    assert error.status_code == 400
    assert "base model does not support fine-tuning" in str(error)
    assert emulator.counts()["jobs"] == 0


@pytest.mark.parametrize(
    ("kind", "price"),
    [
        ("Standard", "5.50"),
        ("GlobalStandard", "5"),
        ("globalStandard", "5"),
        ("Developer", "2.50"),
        ("DeveloperTier", "2.50"),
    ],
)
def test_the_kind_of_training_decides_the_price_and_its_spelling_is_counted(
    client: openai.OpenAI, emulator: AzureEmulator, kind: str, price: str
) -> None:
    job = create(client, kind=kind, method=supervised(n_epochs=2))
    done = client.fine_tuning.jobs.retrieve(job.id)
    assert done.trained_tokens is not None
    counts = emulator.counts()
    assert Decimal(counts["usd"]) == done.trained_tokens * Decimal(price) / 1_000_000
    assert counts["training_types"] == {kind: 1}


def test_a_kind_that_nobody_has_heard_of_is_refused(
    client: openai.OpenAI, emulator: AzureEmulator
) -> None:
    assert "Cheap" in str(refused(client, kind="Cheap"))
    emulator.take_violations()


@pytest.mark.parametrize("kind", ["Standard", "Developer"])
def test_an_open_model_is_trained_globally_only(client: openai.OpenAI, kind: str) -> None:
    assert refused(client, model="gpt-oss-20b", kind=kind).status_code == 400
    assert trained(client, model="gpt-oss-20b").startswith("gpt-oss-20b.ft-")


def test_the_short_name_of_a_base_is_no_base(client: openai.OpenAI) -> None:
    assert refused(client, model="gpt-4.1-mini").status_code == 400


def test_preferences_are_not_learned_by_every_base(client: openai.OpenAI) -> None:
    method = {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.1}}}
    assert refused(client, model="gpt-4o-mini-2024-07-18", method=method).status_code == 400
    assert create(client, method=method).status == "pending"


def test_what_is_not_there_is_null(client: openai.OpenAI, emulator: AzureEmulator) -> None:
    emulator.set(run_s=60)
    job = client.fine_tuning.jobs.retrieve(create(client, metadata={"key": "k"}).id)
    assert (job.organization_id, job.result_files, job.method, job.integrations) == (None,) * 4
    assert not hasattr(job, "user_provided_suffix")
    assert job.hyperparameters.n_epochs == 8  # resolved, where the method would have it
    assert job.metadata == {"key": "k"}


def test_the_rest_is_shown_where_a_test_wants_it(
    client: openai.OpenAI, emulator: AzureEmulator
) -> None:
    emulator.set(shows_method=True, echoes_suffix=True, keeps_metadata=False)
    job: Any = create(client, suffix="k1", metadata={"key": "k"})
    assert (job.method.type, job.user_provided_suffix, job.metadata) == ("supervised", "k1", None)
    assert emulator.counts()["metadata"] == {"key": {"k": 1}}  # the witness knows what was sent
    assert emulator.counts()["suffixes"] == {"k1": 1}


@pytest.mark.parametrize("suffix", [None, "router-ftk0a1b2c3d4e5f", "A_b-" * 10])
def test_a_tuned_name_is_the_base_the_jobs_mark_and_the_suffix(
    client: openai.OpenAI, suffix: str | None
) -> None:
    job = create(client, **({"suffix": suffix} if suffix else {}))
    name = str(client.fine_tuning.jobs.retrieve(job.id).fine_tuned_model)
    mark = job.id.removeprefix("ftjob-")
    assert re.fullmatch("[0-9a-f]{32}", mark)
    assert name == f"{BASE}.ft-{mark}" + (f"-{suffix}" if suffix else "")


@pytest.mark.parametrize("suffix", ["v1.2", "x" * 41, "with space", "ü"])
def test_a_suffix_has_few_characters_and_no_dots(
    client: openai.OpenAI, emulator: AzureEmulator, suffix: str
) -> None:
    assert refused(client, suffix=suffix).status_code == 400
    emulator.take_violations()


@pytest.mark.parametrize(
    ("spelling", "states", "cancelled"),
    [
        ("v1", ["pending", "queued", "running", "succeeded"], "cancelled"),
        ("dated", ["pending", "notRunning", "running", "succeeded"], "canceled"),
    ],
)
def test_a_job_goes_through_azures_states(
    client: openai.OpenAI,
    emulator: AzureEmulator,
    time: Time,
    spelling: str,
    states: list[str],
    cancelled: str,
) -> None:
    emulator.set(validating_s=10, queue_s=10, run_s=10, statuses=spelling, canceling_s=5)
    job, other = create(client), create(client)
    seen = []
    for _ in states:
        seen.append(status(client, job.id))
        time.pass_(10)
        if len(seen) == 1:
            client.fine_tuning.jobs.cancel(other.id)
            assert status(client, other.id) == "canceling"
    assert seen == states
    assert status(client, other.id) == cancelled


def test_a_paused_job_has_a_checkpoint_that_can_be_deployed(
    client: openai.OpenAI, emulator: AzureEmulator, time: Time
) -> None:
    emulator.set(run_s=100, pausing_s=30)
    job = create(client, method=supervised(n_epochs=5))
    with pytest.raises(openai.BadRequestError, match="no step"):
        client.fine_tuning.jobs.pause(job.id)
    time.pass_(50)
    assert client.fine_tuning.jobs.pause(job.id).to_dict()["status"] == "pausing"
    time.pass_(30)
    assert status(client, job.id) == "paused"
    (one,) = client.fine_tuning.jobs.checkpoints.list(job.id).data
    assert one.step_number == 30
    made = driving.deploy(emulator, "half-done", one.fine_tuned_model_checkpoint)
    assert made.status == 201
    answer = client.chat.completions.create(model="half-done", messages=driving.HELLO)
    assert answer.choices[0].message.content == "answer 3"
    assert client.fine_tuning.jobs.resume(job.id).status == "running"


def test_the_last_checkpoint_is_the_model_itself(client: openai.OpenAI) -> None:
    job = create(client, validation_file=upload(client, rows(2)), method=supervised(n_epochs=5))
    name = client.fine_tuning.jobs.retrieve(job.id).fine_tuned_model
    found = client.fine_tuning.jobs.checkpoints.list(job.id).data
    assert [one.fine_tuned_model_checkpoint for one in found] == [
        name,
        f"{name}:ckpt-step-48",
        f"{name}:ckpt-step-36",
    ]
    assert all(re.fullmatch("ftchkpt-[0-9a-f]{32}", one.id) for one in found)
    assert found[0].metrics.step == 60.0 and found[0].metrics.full_valid_loss


def test_a_checkpoint_is_a_model_and_is_tuned_further(client: openai.OpenAI) -> None:
    job = create(client, method=supervised(n_epochs=3))
    middle = client.fine_tuning.jobs.checkpoints.list(job.id).data[1].fine_tuned_model_checkpoint
    assert client.models.retrieve(middle).id == middle
    assert trained(client, model=middle).startswith(f"{BASE}.ft-")
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve(f"{BASE}.ft-{'0' * 32}")


def test_messages_say_what_was_billed_and_carry_no_data(client: openai.OpenAI) -> None:
    job = client.fine_tuning.jobs.retrieve(create(client, method=supervised(n_epochs=1)).id)
    events = list(client.fine_tuning.jobs.list_events(job.id))
    assert events[0].message == f"Training tokens billed: {job.trained_tokens}"
    assert events[0].data is None
    assert all(one.data for one in events if one.type == "metrics")


def test_results_have_azures_columns(client: openai.OpenAI) -> None:
    job = create(client, validation_file=upload(client, rows(2)), method=supervised(n_epochs=1))
    (file,) = client.fine_tuning.jobs.retrieve(job.id).result_files
    table = list(csv.DictReader(io.StringIO(client.files.content(file).text)))
    assert list(table[0]) == [
        "step",
        "train_loss",
        "train_mean_token_accuracy",
        "valid_loss",
        "validation_mean_token_accuracy",
        "full_valid_loss",
        "full_valid_mean_token_accuracy",
    ]
    assert all(float(text) >= 0 for row in table for text in row.values())


@pytest.mark.parametrize("honoured", [False, True])
def test_a_filter_by_metadata_is_ignored_unless_a_test_says_otherwise(
    client: openai.OpenAI, emulator: AzureEmulator, honoured: bool
) -> None:
    emulator.set(filters_metadata=honoured)
    file = upload(client)
    made = [create(client, file, metadata={"key": key}).id for key in ("one", "two")]
    found = [job.id for job in client.fine_tuning.jobs.list(metadata={"key": "two"})]
    assert found == (made[1:] if honoured else made[::-1])


def test_a_planted_history_is_listed_whole_and_never_counted(
    client: openai.OpenAI, emulator: AzureEmulator
) -> None:
    ids = emulator.plant(12, failed_every=5)
    mine = create(client).id
    assert [job.id for job in client.fine_tuning.jobs.list(limit=5)] == [mine, *ids[::-1]]
    assert emulator.counts()["jobs"] == 1
    states = [status(client, id) for id in ids]
    assert [state == "failed" for state in states] == [n % 5 == 0 for n in range(1, 13)]


def test_the_same_request_twice_makes_two_jobs(
    client: openai.OpenAI, emulator: AzureEmulator
) -> None:
    file = upload(client)
    for _ in range(2):
        create(client, file, metadata={"key": "k1"}, suffix="k1")
    counts = emulator.counts()
    assert (counts["jobs"], counts["suffixes"]) == (2, {"k1": 2})
