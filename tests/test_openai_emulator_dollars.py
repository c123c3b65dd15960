"""What training, calls and batches cost on the emulator, by its own table of prices and its own count of tokens."""

from __future__ import annotations

from decimal import Decimal
from importlib.util import find_spec
from typing import Any

import openai
import pytest

from tests.emulators.openai import OpenAIEmulator, driving
from tests.emulators.openai.driving import BASE, Time, create, jsonl, supervised, upload
from tests.emulators.openai.tokens import VOCABULARIES

server, emulator, client, time = driving.server, driving.emulator, driving.client, driving.time


def asked(text: str) -> Any:
    """A conversation of one message."""
    return [{"role": "user", "content": text}]


def test_training_dollars_are_tokens_times_epochs_times_price(
    client: openai.OpenAI, emulator: OpenAIEmulator
) -> None:
    for model, price in (("gpt-4.1-mini", "5"), ("gpt-4o", "25"), ("gpt-4o-mini", "3")):
        before = Decimal(emulator.counts()["training_usd"])
        job = create(client, model=model, method=supervised(n_epochs=4))
        job = client.fine_tuning.jobs.retrieve(job.id)
        assert job.trained_tokens == 12 * 12 * 4  # rows, tokens of a row, epochs
        after = Decimal(emulator.counts()["training_usd"])
        assert after - before == job.trained_tokens * Decimal(price) / 1_000_000


def test_a_call_costs_more_on_a_tuned_model_and_half_in_a_batch(
    client: openai.OpenAI, emulator: OpenAIEmulator
) -> None:
    emulator.set(batch_s=0)
    model = str(
        client.fine_tuning.jobs.retrieve(create(client, model="gpt-4.1").id).fine_tuned_model
    )
    training = Decimal(emulator.counts()["training_usd"])
    read, written = 3 + 1 + 2 + 3, 2  # "question 1" and "answer 1"

    def spent() -> Decimal:
        return Decimal(emulator.counts()["usd"]) - training

    client.chat.completions.create(model=model, messages=asked("question 1"))
    once = (read * Decimal(3) + written * Decimal(12)) / 1_000_000
    assert spent() == once
    client.responses.create(model=model, input="question 1")
    assert spent() == 2 * once
    body = {"model": model, "messages": asked("question 1")}
    row = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": body}
    file = client.files.create(file=("b.jsonl", jsonl([row])), purpose="batch").id
    order: Any = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}
    client.batches.create(input_file_id=file, **order)
    assert spent() == Decimal("2.5") * once
    counts = emulator.counts()
    assert (counts["chats"], counts["responses"], counts["batches"]) == (2, 1, 1)
    before = spent()
    body["model"] = "gpt-4o"
    file = client.files.create(file=("b.jsonl", jsonl([row])), purpose="batch").id
    client.batches.create(input_file_id=file, **order)
    plain = (read * Decimal("2.50") + 4 * Decimal("10.00")) / 1_000_000  # "You said: question 1"
    assert spent() - before == plain / 2


def test_several_answers_to_one_prompt_read_it_once(
    client: openai.OpenAI, emulator: OpenAIEmulator
) -> None:
    said = client.chat.completions.create(model="gpt-4o", messages=asked("hi"), n=3)
    read, written = 3 + 1 + 1 + 3, 3 * 3  # "You said: hi"
    assert said.usage is not None
    assert (said.usage.prompt_tokens, said.usage.completion_tokens) == (read, written)
    usd = (read * Decimal("2.50") + written * Decimal("10.00")) / 1_000_000
    assert Decimal(emulator.counts()["usd"]) == usd


def test_a_batch_takes_its_time_and_can_be_cancelled(
    client: openai.OpenAI, emulator: OpenAIEmulator, time: Time
) -> None:
    emulator.set(batch_s=100)
    row = {"custom_id": "1", "method": "POST", "url": "/v1/responses"}
    rows = [{**row, "body": {"model": BASE, "input": "a"}}]
    order: Any = {"endpoint": "/v1/responses", "completion_window": "24h"}

    def order_batch(rows: list[Any]) -> str:
        file = client.files.create(file=("b.jsonl", jsonl(rows)), purpose="batch").id
        return client.batches.create(input_file_id=file, **order).id

    batch, other = order_batch(rows), order_batch(rows)
    twice = order_batch(rows * 2)
    time.pass_(60)
    assert client.batches.retrieve(batch).status == "in_progress"
    assert client.batches.cancel(other).status == "cancelled"
    failed = client.batches.retrieve(twice)
    assert failed.status == "failed"
    assert failed.errors is not None and failed.errors.data is not None
    assert [(one.code, one.line) for one in failed.errors.data] == [("duplicate_custom_id", 2)]
    time.pass_(40)
    assert client.batches.retrieve(batch).status == "completed"
    assert client.batches.retrieve(other).output_file_id is None
    assert emulator.counts()["responses"] == 1


@pytest.mark.skipif(
    not any(find_spec(name) for name in VOCABULARIES), reason=f"needs one of {VOCABULARIES}"
)
def test_tokens_may_be_counted_by_o200k(client: openai.OpenAI, emulator: OpenAIEmulator) -> None:
    emulator.set(tokens="o200k")
    row = {
        "messages": [
            {"role": "system", "content": "Classify text as positive or negative"},
            {"role": "user", "content": "cool"},
            {"role": "assistant", "content": "positive"},
        ]
    }
    file = upload(client, jsonl([row] * 10))
    job = create(client, file, method=supervised(n_epochs=1))
    assert client.fine_tuning.jobs.retrieve(job.id).trained_tokens == 210
