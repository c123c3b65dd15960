"""The calls of OpenAI's own fine-tuning, files, uploads and batch guides, made by the real SDK without a change."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path

import openai
import pytest

from tests.emulators.openai import OpenAIEmulator, driving
from tests.emulators.openai.driving import BASE, Time, jsonl, rows, upload

server, emulator, client, time = driving.server, driving.emulator, driving.client, driving.time


def test_a_supervised_job_from_the_upload_to_the_tuned_answer(client: openai.OpenAI) -> None:
    file = client.files.create(file=("mydata.jsonl", rows()), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(
        training_file=file.id,
        model="gpt-4.1-mini-2025-04-14",
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}},
    )
    assert job.status == "validating_files"
    assert [one.id for one in client.fine_tuning.jobs.list(limit=10)] == [job.id]
    job = client.fine_tuning.jobs.retrieve(job.id)
    assert job.status == "succeeded"
    assert job.finished_at
    events = client.fine_tuning.jobs.list_events(fine_tuning_job_id=job.id, limit=10)
    assert events.data[0].message == "The job has successfully completed"
    checkpoints = client.fine_tuning.jobs.checkpoints.list(job.id)
    assert [one.step_number for one in checkpoints] == [24, 12]
    completion = client.chat.completions.create(
        model=str(job.fine_tuned_model),
        messages=[
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "question 3"},
        ],
    )
    assert completion.choices[0].message.content == "answer 3"
    response = client.responses.create(model=str(job.fine_tuned_model), input="question 4")
    assert response.output_text == "answer 4"
    earlier = client.chat.completions.create(
        model=checkpoints.data[1].fine_tuned_model_checkpoint,
        messages=[{"role": "user", "content": "question 5"}],
    )
    assert earlier.choices[0].message.content == "answer 5"
    assert client.models.delete(str(job.fine_tuned_model)).deleted
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve(str(job.fine_tuned_model))


def test_a_job_from_rows_that_call_a_function(client: openai.OpenAI) -> None:
    tool = {
        "type": "function",
        "function": {
            "name": "get_current_weather",
            "parameters": {"type": "object", "properties": {"location": {"type": "string"}}},
        },
    }
    called = {
        "id": "call_id",
        "type": "function",
        "function": {"name": "get_current_weather", "arguments": '{"location": "San Francisco"}'},
    }
    turns = [
        {"role": "user", "content": "What is the weather in San Francisco?"},
        {"role": "assistant", "tool_calls": [called]},
    ]
    content = jsonl(
        {"messages": turns, "parallel_tool_calls": False, "tools": [tool]} for _ in "x" * 10
    )
    job = driving.create(client, upload(client, content))
    assert client.fine_tuning.jobs.retrieve(job.id).status == "succeeded"


def test_a_preference_job(client: openai.OpenAI) -> None:
    pairs = jsonl(
        {
            "input": {"messages": [{"role": "user", "content": f"question {number}"}]},
            "preferred_output": [{"role": "assistant", "content": f"good {number}"}],
            "non_preferred_output": [{"role": "assistant", "content": f"bad {number}"}],
        }
        for number in range(10)
    )
    job = client.fine_tuning.jobs.create(
        training_file=upload(client, pairs),
        model="gpt-4.1-2025-04-14",
        method={"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.1, "n_epochs": 1}}},
    )
    job = client.fine_tuning.jobs.retrieve(job.id)
    assert job.status == "succeeded"
    assert job.method is not None and job.method.dpo is not None
    assert job.method.dpo.hyperparameters is not None
    assert job.method.dpo.hyperparameters.beta == 0.1


def test_a_job_is_cancelled_paused_and_resumed(
    client: openai.OpenAI, emulator: OpenAIEmulator, time: Time
) -> None:
    emulator.set(run_s=100)
    first = driving.create(client)
    assert client.fine_tuning.jobs.cancel(first.id).status == "cancelled"
    second = driving.create(client)
    time.pass_(50)
    assert client.fine_tuning.jobs.pause(second.id).status == "paused"
    time.pass_(1000)
    assert client.fine_tuning.jobs.retrieve(second.id).status == "paused"
    assert client.fine_tuning.jobs.resume(second.id).status == "running"
    time.pass_(49)
    assert client.fine_tuning.jobs.retrieve(second.id).status == "running"
    time.pass_(1)
    assert client.fine_tuning.jobs.retrieve(second.id).status == "succeeded"


def test_files_are_listed_read_and_deleted(client: openai.OpenAI) -> None:
    made = [upload(client, rows(10 + number)) for number in range(3)]
    assert [file.id for file in client.files.list(purpose="fine-tune", limit=2)] == made[::-1]
    assert client.files.list(purpose="batch").data == []
    assert client.files.wait_for_processing(made[0]).status == "processed"
    assert client.files.content(made[0]).content == rows(10)
    assert client.files.delete(made[0]).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(made[0])


def test_a_large_file_goes_up_in_parts(client: openai.OpenAI, tmp_path: Path) -> None:
    content = rows(40)
    path = tmp_path / "large.jsonl"
    path.write_bytes(content)
    upload = client.uploads.upload_file_chunked(
        file=path,
        mime_type="text/jsonl",
        purpose="fine-tune",
        part_size=1000,
        md5=hashlib.md5(content).hexdigest(),
    )
    assert upload.status == "completed"
    assert upload.file is not None
    assert client.files.content(upload.file.id).content == content
    assert driving.create(client, upload.file.id).status == "validating_files"


def test_a_batch_is_answered_in_a_file(client: openai.OpenAI, emulator: OpenAIEmulator) -> None:
    emulator.set(batch_s=0)
    requests = jsonl(
        {
            "custom_id": f"request-{number}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {
                "model": model,
                "messages": [{"role": "user", "content": f"Hello {number}"}],
            },
        }
        for number, model in enumerate([BASE, BASE, "no-such-model"])
    )
    file = client.files.create(file=("batch.jsonl", requests), purpose="batch")
    batch = client.batches.create(
        input_file_id=file.id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata={"description": "nightly eval job"},
    )
    assert batch.status == "validating"
    batch = client.batches.retrieve(batch.id)
    assert batch.status == "completed"
    assert batch.request_counts is not None
    assert (batch.request_counts.completed, batch.request_counts.failed) == (2, 1)
    lines = client.files.content(str(batch.output_file_id)).text.splitlines()
    answers = {
        row["custom_id"]: row["response"]["body"]["choices"][0]["message"]["content"]
        for row in map(json.loads, lines)
    }
    assert answers == {"request-0": "You said: Hello 0", "request-1": "You said: Hello 1"}
    wrong = json.loads(client.files.content(str(batch.error_file_id)).text)
    assert wrong["response"]["body"]["error"]["code"] == "model_not_found"
    assert [one.id for one in client.batches.list()] == [batch.id]


async def _in_pieces(emulator: OpenAIEmulator) -> list[str]:
    async with openai.AsyncOpenAI(
        api_key=emulator.api_key, base_url=emulator.base_url, max_retries=0
    ) as client:
        stream = await client.chat.completions.create(
            model=BASE, messages=[{"role": "user", "content": "one two"}], stream=True
        )
        return [chunk.choices[0].delta.content or "" async for chunk in stream]


def test_the_asynchronous_client_streams(emulator: OpenAIEmulator) -> None:
    assert asyncio.run(_in_pieces(emulator)) == ["", "You", " said:", " one", " two", ""]
