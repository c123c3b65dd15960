"""What the emulator refuses, as the real service does: who may train, what a job may hold, what a file may hold."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from tests.emulators.openai import OpenAIEmulator, driving
from tests.emulators.openai.driving import BASE, Time, create, jsonl, rows, supervised, upload

server, emulator, client, time = driving.server, driving.emulator, driving.client, driving.time


def refused(client: openai.OpenAI, **fields: Any) -> openai.APIStatusError:
    """The refusal of a create."""
    with pytest.raises(openai.APIStatusError) as raised:
        create(client, **fields)
    return raised.value


def failed(client: openai.OpenAI, content: bytes, **fields: Any) -> Any:
    """The error of a job that fails on its file."""
    job = create(client, upload(client, content), **fields)
    job = client.fine_tuning.jobs.retrieve(job.id)
    assert job.status == "failed"
    assert job.fine_tuned_model is None
    return job.error


def test_an_organisation_that_is_shut_out_gets_403_and_keeps_its_file(
    client: openai.OpenAI, emulator: OpenAIEmulator
) -> None:
    emulator.set(training_closed=True)
    file = upload(client)
    error = refused(client, file=file)
    assert isinstance(error, openai.PermissionDeniedError)
    assert error.code == "training_not_available"
    assert client.files.retrieve(file).id == file
    assert emulator.counts()["jobs"] == 0


@pytest.mark.parametrize(
    ("now", "status", "code"),
    [
        ("2027-01-05T23:59:59Z", None, None),
        ("2027-01-06T00:00:00Z", 403, "training_not_available"),
        ("2027-01-13T23:59:59Z", 403, "training_not_available"),
        ("2027-01-14T00:00:00Z", 400, "model_not_available"),
    ],
)
def test_new_jobs_end_on_2027_01_06(
    client: openai.OpenAI, time: Time, now: str, status: int | None, code: str | None
) -> None:
    time.set(now)
    if status is None:
        assert create(client).status == "validating_files"
    else:
        error = refused(client)
        assert (error.status_code, error.code) == (status, code)


def test_models_are_gone_on_their_last_day(
    client: openai.OpenAI, emulator: OpenAIEmulator, time: Time
) -> None:
    job = create(client)
    name = client.fine_tuning.jobs.retrieve(job.id).fine_tuned_model
    assert str(client.models.retrieve(name).shutdown_date) == "2027-01-14"
    time.set("2027-01-13T23:59:59+00:00")
    hello: Any = [{"role": "user", "content": "question 1"}]
    answer = client.chat.completions.create(model=name, messages=hello)
    assert answer.choices[0].message.content == "answer 1"
    time.set("2027-01-14T00:00:00+00:00")
    for model in (name, BASE):
        with pytest.raises(openai.NotFoundError, match="deprecated"):
            client.chat.completions.create(model=model, messages=hello)
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve(model)
    assert [model.id for model in client.models.list()] == ["gpt-6-luna"]
    assert client.fine_tuning.jobs.retrieve(job.id).fine_tuned_model == name


@pytest.mark.parametrize("model", ["gpt-6-luna", "gpt-4.1-nano", "gpt-5", "ft:gpt-4o:acme::0"])
def test_other_models_cannot_be_tuned(client: openai.OpenAI, time: Time, model: str) -> None:
    assert refused(client, model=model).code == "model_not_available"


def test_an_alias_is_resolved_and_a_tuned_model_can_be_tuned_on(client: openai.OpenAI) -> None:
    first = create(client, model="gpt-4.1-mini", suffix="first")
    assert first.model == "gpt-4.1-mini-2025-04-14"
    name = client.fine_tuning.jobs.retrieve(first.id).fine_tuned_model
    assert name.startswith("ft:gpt-4.1-mini-2025-04-14:acme:first:")
    second = client.fine_tuning.jobs.retrieve(create(client, model=name).id)
    assert second.model == name
    assert second.fine_tuned_model.startswith("ft:gpt-4.1-mini-2025-04-14:acme::")


def test_nine_rows_are_too_few(client: openai.OpenAI) -> None:
    error = failed(client, rows(9))
    assert error.code == "invalid_n_examples"
    assert "9 example(s)" in error.message
    assert (
        client.fine_tuning.jobs.retrieve(create(client, upload(client, rows(10))).id).error is None
    )


def test_a_special_token_fails_the_job_and_names_the_row(client: openai.OpenAI) -> None:
    content = rows(6173) + rows(12).replace(b"answer 0", b"<|fim_suffix|>")
    error = failed(client, content)
    assert error.code == "invalid_training_file"
    assert "Example 6174 message contains an invalid token: <|fim_suffix|>" in error.message


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"{", "Line 13 is not valid JSON"),
        (b'{"prompt": "a"}', "Example 13 is not in the chat-completion format"),
        (b'{"messages": []}', "Example 13 has no messages"),
        (b'{"messages": [{"role": "user", "content": "a"}]}', "Example 13 does not end with"),
        (b'{"messages": [{"role": "x", "content": "a"}]}', "Example 13 has a message without"),
        (
            b'{"messages": [{"role": "assistant", "content": "a", "weight": 2}]}',
            "Example 13 has a weight",
        ),
        (b"\xff", "not UTF-8"),
    ],
)
def test_a_broken_row_fails_the_job_and_is_named(
    client: openai.OpenAI, line: bytes, what: str
) -> None:
    error = failed(client, rows(12) + line + b"\n")
    assert error.code == "invalid_training_file"
    assert what in error.message


def test_a_broken_validation_file_fails_the_job_under_its_own_code(client: openai.OpenAI) -> None:
    error = failed(client, rows(12), validation_file=upload(client, b"{}\n"))
    assert (error.code, error.param) == ("invalid_validation_file", "validation_file")


def test_a_preference_row_needs_text_of_the_assistant_on_both_sides(client: openai.OpenAI) -> None:
    row: dict[str, Any] = {
        "input": {"messages": [{"role": "user", "content": "a"}]},
        "preferred_output": [{"role": "assistant", "content": "b"}],
    }
    error = failed(client, jsonl([row] * 10), method={"type": "dpo"})
    assert "Example 1 must have one message in non_preferred_output" in error.message


def test_moderation_blocks_a_file_before_and_a_model_after_training(
    client: openai.OpenAI, emulator: OpenAIEmulator
) -> None:
    emulator.set(moderation="file")
    error = failed(client, rows())
    assert error.code == "invalid_training_file"
    assert "blocked by our moderation system" in error.message
    assert emulator.counts()["usd"] == "0"
    emulator.set(moderation="model")
    job = client.fine_tuning.jobs.retrieve(create(client).id)
    assert (job.status, job.fine_tuned_model) == ("failed", None)
    events = client.fine_tuning.jobs.list_events(job.id).data
    assert "moderation_checks" in [event.type for event in events]
    assert emulator.counts()["usd"] != "0"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"method": supervised(n_epochs=0)}, "method.supervised.hyperparameters.n_epochs"),
        ({"method": supervised(n_epochs=51)}, "method.supervised.hyperparameters.n_epochs"),
        ({"method": supervised(n_epochs="three")}, "method.supervised.hyperparameters.n_epochs"),
        ({"method": supervised(batch_size=257)}, "method.supervised.hyperparameters.batch_size"),
        (
            {"method": supervised(learning_rate_multiplier=0)},
            "method.supervised.hyperparameters.learning_rate_multiplier",
        ),
        (
            {"method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 2.5}}}},
            "method.dpo.hyperparameters.beta",
        ),
        ({"method": {"type": "grpo"}}, "method.type"),
        ({"suffix": ""}, "suffix"),
        ({"suffix": "x" * 65}, "suffix"),
        ({"seed": -1}, "seed"),
        ({"metadata": {f"k{number}": "v" for number in range(17)}}, "metadata"),
        ({"metadata": {"k" * 65: "v"}}, "metadata"),
        ({"metadata": {"k": "v" * 513}}, "metadata.k"),
    ],
)
def test_a_field_out_of_range_is_refused_by_name(
    client: openai.OpenAI, emulator: OpenAIEmulator, fields: dict[str, Any], param: str
) -> None:
    error = refused(client, **fields)
    assert (error.status_code, error.param) == (400, param)
    assert emulator.counts()["jobs"] == 0
    emulator.take_violations()  # most of these break the contract too


def test_the_edges_of_every_range_are_accepted(client: openai.OpenAI) -> None:
    for hyperparameters in (
        {"n_epochs": 1, "batch_size": 1, "learning_rate_multiplier": 0.0001},
        {"n_epochs": 50, "batch_size": 256, "learning_rate_multiplier": 10},
    ):
        job = create(
            client,
            method=supervised(**hyperparameters),
            suffix="x" * 64,
            seed=2_147_483_647,
            metadata={f"{number:064}": "v" * 512 for number in range(16)},
        )
        job = client.fine_tuning.jobs.retrieve(job.id)
        assert job.method.supervised.hyperparameters.to_dict() == hyperparameters
        assert job.seed == 2_147_483_647


@pytest.mark.parametrize(
    ("count", "epochs"), [(10, 10), (11, 9), (20, 5), (25, 4), (33, 3), (34, 3)]
)
def test_auto_is_resolved_by_the_number_of_rows(
    client: openai.OpenAI, count: int, epochs: int
) -> None:
    job = create(client, upload(client, rows(count)))
    assert job.hyperparameters.n_epochs == "auto"
    job = client.fine_tuning.jobs.retrieve(job.id)
    assert job.hyperparameters.n_epochs == epochs
    assert job.trained_tokens == count * epochs * (3 + 1 + 2) * 2


def test_the_day_is_used_up_and_a_new_one_comes(
    client: openai.OpenAI, emulator: OpenAIEmulator, time: Time
) -> None:
    emulator.set(jobs_per_day=2)
    create(client)
    create(client)
    error = refused(client)
    assert (error.status_code, error.code) == (429, "daily_rate_limit_exceeded")
    assert error.type == "invalid_request_error"
    assert create(client, model="gpt-4.1").status == "validating_files"
    time.pass_(12 * 3600)
    assert create(client).status == "validating_files"


def test_so_many_jobs_run_at_once(
    client: openai.OpenAI, emulator: OpenAIEmulator, time: Time
) -> None:
    emulator.set(max_active_jobs=1, run_s=60)
    create(client)
    assert refused(client).code == "rate_limit_exceeded"
    limits = json.loads(client.get("/fine_tuning/model_limits", cast_to=str))["data"]
    assert {row["model"]: row["active_jobs"] for row in limits}[BASE] == 1
    time.pass_(60)
    create(client)


def test_no_money_refuses_a_call_and_fails_a_job(
    client: openai.OpenAI, emulator: OpenAIEmulator
) -> None:
    emulator.set(quota="insufficient")
    assert refused(client).code == "insufficient_quota"
    with pytest.raises(openai.RateLimitError) as raised:
        client.chat.completions.create(model=BASE, messages=[{"role": "user", "content": "a"}])
    assert raised.value.code == "insufficient_quota"
    emulator.set(quota="exceeded")
    assert failed(client, rows()).code == "exceeded_quota"
    assert emulator.counts()["usd"] == "0"


def test_nobody_sees_what_is_anothers() -> None:
    accounts = {"sk-one": "org-one/proj-1", "sk-two": "org-two/proj-1"}
    with (
        OpenAIEmulator(run_s=0, accounts=accounts, now=driving.NOON) as emulator,
        driving.connect(emulator) as one,
        driving.connect(emulator, key="sk-two") as two,
        driving.connect(emulator, key="sk-three") as stranger,
    ):
        job = create(one)
        assert one.fine_tuning.jobs.retrieve(job.id).organization_id == "org-one"
        assert list(two.fine_tuning.jobs.list()) == []
        for look in (two.fine_tuning.jobs.retrieve, two.fine_tuning.jobs.cancel):
            with pytest.raises(openai.NotFoundError):
                look(job.id)
        with pytest.raises(openai.NotFoundError):
            two.files.retrieve(job.training_file)
        with pytest.raises(openai.AuthenticationError):
            stranger.models.list()
        with pytest.raises(openai.AuthenticationError, match="openai-organization"):
            one.with_options(default_headers={"OpenAI-Organization": "org-two"}).models.list()


def test_the_same_request_twice_makes_two_jobs(
    client: openai.OpenAI, emulator: OpenAIEmulator
) -> None:
    file = upload(client)
    for _ in range(2):
        create(client, file, metadata={"key": "k1"}, extra_headers={"Idempotency-Key": "one"})
    counts = emulator.counts()
    assert (counts["jobs"], counts["metadata"]) == (2, {"key": {"k1": 2}})
