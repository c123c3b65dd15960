"""The emulator is honest: each request and each answer is held to the contract, and the judge is shown to see.

Where the contract file is not at hand nothing can be judged, and what is tested here is skipped.
"""

from __future__ import annotations

import http.client
import json
from typing import Any

import openai
import pytest

from tests.emulators.openai import ContractViolation, OpenAIEmulator, driving
from tests.emulators.openai.contract import contract_file
from tests.emulators.openai.deviations import DEVIATIONS, MENDED
from tests.emulators.openai.driving import BASE, CHAT, CREATE, EVENTS, READ, ask, rows, upload

server, emulator, client = driving.server, driving.emulator, driving.client

judged = pytest.mark.skipif(
    contract_file() is None, reason="the provider's contract is not at hand (FTKIT_CONTRACTS)"
)
BATCH = "GET /v1/batches/ID"
RESPONSES = "POST /v1/responses"
HELLO = [{"role": "user", "content": "hello"}]

# name: route, what is laid over its answer, what is taken out of it
ALTERATIONS: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "a job has a status that the contract lacks": (READ, {"status": "thinking"}, []),
    "a job lacks its tokens": (READ, {}, ["trained_tokens"]),
    "a job's time is text": (CREATE, {"created_at": "2026-11-24"}, []),
    "a job's error lacks a code": (READ, {"error": {"message": "no", "param": None}}, []),
    "a job has too many epochs": (READ, {"method.supervised.hyperparameters.n_epochs": 51}, []),
    "a list does not say whether there is more": ("GET /v1/fine_tuning/jobs", {}, ["has_more"]),
    "an event is louder than any level": (EVENTS, {"data.0.level": "loud"}, []),
    "a checkpoint's loss is text": (
        "GET /v1/fine_tuning/jobs/ID/checkpoints",
        {"data.0.metrics.train_loss": "0.1"},
        [],
    ),
    "a file has a purpose of its own": ("GET /v1/files/ID", {"purpose": "training"}, []),
    "a model's last day is a number": ("GET /v1/models", {"data.0.shutdown_date": 20270114}, []),
    "an upload is half done": ("POST /v1/uploads", {"status": "half"}, []),
    "an error does not say its type": ("GET /v1/models/ID", {}, ["error.type"]),
    "an answer ends for a reason of its own": (CHAT, {"choices.0.finish_reason": "bored"}, []),
    "usage is text": (CHAT, {"usage.total_tokens": "ten"}, []),
    "a piece of a stream has no delta": (CHAT, {}, ["1.choices.0.delta"]),
    "a batch thinks": (BATCH, {"status": "thinking"}, []),
    "a batch's time is text": (BATCH, {"created_at": "1795521600"}, []),
    "a response is a number": (RESPONSES, {"output.0.content.0.text": 7}, []),
    "an event of a response lacks its number": (RESPONSES, {}, ["3.sequence_number"]),
}
STREAMED = ("a piece of a stream has no delta", "an event of a response lacks its number")


def _every_route(emulator: OpenAIEmulator, client: openai.OpenAI, stream: bool) -> None:
    """Ask each route that an alteration concerns once, and do not look at what it says."""
    file = ask(emulator, "GET", "/v1/files").json["data"][0]["id"]
    job = ask(
        emulator, "POST", "/v1/fine_tuning/jobs", {"model": BASE, "training_file": file}
    ).json["id"]
    for path in ("", "/events", "/checkpoints"):
        ask(emulator, "GET", f"/v1/fine_tuning/jobs/{job}{path}")
    ask(emulator, "GET", "/v1/fine_tuning/jobs")
    ask(emulator, "GET", f"/v1/files/{file}")
    ask(emulator, "GET", "/v1/models")
    ask(emulator, "GET", "/v1/models/no-such-model")
    new = {"filename": "a.jsonl", "purpose": "fine-tune", "bytes": 3, "mime_type": "text/jsonl"}
    ask(emulator, "POST", "/v1/uploads", new)
    chat = {"model": BASE, "messages": HELLO, "stream": stream}
    ask(emulator, "POST", "/v1/chat/completions", chat)
    row = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": chat}
    rows = driving.jsonl([row])
    batched = client.files.create(file=("b.jsonl", rows), purpose="batch").id
    order = {
        "input_file_id": batched,
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
    }
    batch = ask(emulator, "POST", "/v1/batches", order).json["id"]
    ask(emulator, "GET", f"/v1/batches/{batch}")
    ask(emulator, "POST", "/v1/responses", {"model": BASE, "input": "hello", "stream": stream})


@judged
@pytest.mark.parametrize("alteration", ALTERATIONS)
def test_an_altered_answer_is_caught(
    emulator: OpenAIEmulator, client: openai.OpenAI, alteration: str
) -> None:
    route, fields, remove = ALTERATIONS[alteration]
    upload(client)
    emulator.fault(route, "patch", fields=fields, remove=remove, judged=True)
    _every_route(emulator, client, alteration in STREAMED)
    assert [(one["what"], one["route"]) for one in emulator.take_violations()] == [
        ("answer", route)
    ]


@judged
@pytest.mark.parametrize("stream", [False, True])
def test_unaltered_answers_are_not(
    emulator: OpenAIEmulator, client: openai.OpenAI, stream: bool
) -> None:
    upload(client)
    _every_route(emulator, client, stream)
    assert emulator.violations() == []


WRONG_REQUESTS: dict[str, tuple[str, str, Any]] = {
    "a number for a file": ("POST", "/v1/fine_tuning/jobs", {"model": BASE, "training_file": 7}),
    "no file": ("POST", "/v1/fine_tuning/jobs", {"model": BASE}),
    "51 epochs": (
        "POST",
        "/v1/fine_tuning/jobs",
        {
            "model": BASE,
            "training_file": "file-1",
            "method": driving.supervised(n_epochs=51),
        },
    ),
    "a number as metadata": (
        "POST",
        "/v1/fine_tuning/jobs",
        {"model": BASE, "training_file": "file-1", "metadata": {"key": 7}},
    ),
    "a long suffix": (
        "POST",
        "/v1/fine_tuning/jobs",
        {"model": BASE, "training_file": "file-1", "suffix": "x" * 65},
    ),
    "a limit in words": ("GET", "/v1/fine_tuning/jobs?limit=ten", None),
    "no messages": ("POST", "/v1/chat/completions", {"model": BASE, "messages": []}),
    "an unknown role": (
        "POST",
        "/v1/chat/completions",
        {"model": BASE, "messages": [{"role": "teacher", "content": "x"}]},
    ),
    "an unknown field of a part list": (
        "POST",
        "/v1/uploads/upload_1/complete",
        {"part_ids": [], "sha256": "0"},
    ),
    "a batch of 48 hours": (
        "POST",
        "/v1/batches",
        {"input_file_id": "f", "endpoint": "/v1/responses", "completion_window": "48h"},
    ),
    "a response without a known tool": (
        "POST",
        "/v1/responses",
        {"model": BASE, "input": "x", "tools": [{"type": "hammer"}]},
    ),
}


@judged
@pytest.mark.parametrize("wrong", WRONG_REQUESTS)
def test_a_wrong_request_is_caught(emulator: OpenAIEmulator, wrong: str) -> None:
    method, path, body = WRONG_REQUESTS[wrong]
    ask(emulator, method, path, body)
    (found,) = emulator.take_violations()
    assert found["what"] == "request"


@judged
@pytest.mark.parametrize("field", ["colour", "file", None])
def test_an_unknown_field_of_a_form_is_caught(emulator: OpenAIEmulator, field: str | None) -> None:
    parts = {"purpose": "fine-tune", **({"colour": "red"} if field == "colour" else {})}
    if field != "file":
        parts["file"] = rows().decode()
    body = "".join(
        f'--XX\r\nContent-Disposition: form-data; name="{name}"'
        + ('; filename="a.jsonl"' if name == "file" else "")
        + f"\r\n\r\n{text}\r\n"
        for name, text in parts.items()
    )
    connection = http.client.HTTPConnection(emulator.url.removeprefix("http://"))
    headers = {
        "Authorization": f"Bearer {emulator.api_key}",
        "Content-Type": "multipart/form-data; boundary=XX",
    }
    connection.request("POST", "/v1/files", (body + "--XX--\r\n").encode(), headers)
    connection.getresponse().read()
    connection.close()
    assert len(emulator.take_violations()) == (field is not None)


@judged
def test_the_rows_of_a_batch_are_judged_like_requests(
    emulator: OpenAIEmulator, client: openai.OpenAI
) -> None:
    emulator.set(batch_s=0)
    body = {"model": BASE, "messages": [{"role": "user", "content": 7}]}
    row = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": body}
    file = client.files.create(file=("b.jsonl", driving.jsonl([row])), purpose="batch").id
    batch = client.batches.create(
        input_file_id=file, endpoint="/v1/chat/completions", completion_window="24h"
    )
    client.batches.retrieve(batch.id)
    assert [(one["what"], one["route"]) for one in emulator.take_violations()] == [
        ("request", CHAT)
    ]


@judged
def test_a_violation_that_nobody_took_fails_the_test() -> None:
    with pytest.raises(ContractViolation, match="training_file"), OpenAIEmulator() as emulator:
        ask(emulator, "POST", "/v1/fine_tuning/jobs", {"model": BASE, "training_file": 7})


@judged
def test_a_violation_is_named_beside_the_error_it_led_to() -> None:
    with pytest.raises(ZeroDivisionError) as raised, OpenAIEmulator() as emulator:
        ask(emulator, "POST", "/v1/fine_tuning/jobs", {"model": BASE, "training_file": 7})
        _ = 1 / 0
    assert "against the contract" in raised.value.__notes__[0]


@judged
def test_a_reset_does_not_swallow_a_violation(emulator: OpenAIEmulator) -> None:
    ask(emulator, "POST", "/v1/fine_tuning/jobs", {"model": BASE, "training_file": 7})
    with pytest.raises(ContractViolation):
        emulator.reset()


def test_without_the_contract_it_runs_and_says_that_nothing_is_judged() -> None:
    with OpenAIEmulator(contract=False) as emulator:
        assert not emulator.validated
        answer = ask(emulator, "POST", "/v1/fine_tuning/jobs", {"model": BASE, "training_file": 7})
        assert answer.status == 400
        assert emulator.violations() == []


def test_every_deviation_is_in_one_list(emulator: OpenAIEmulator) -> None:
    about = emulator.about()
    assert (about["deviations"], about["mended"]) == (DEVIATIONS, MENDED)
    print("where the OpenAI emulator is not held to the contract (pytest -rP shows this):")
    for name, why in DEVIATIONS.items():
        print(f"  {name}: {why}")
    print("what is read differently in the contract:")
    for name, why in MENDED.items():
        print(f"  {name}: {why}")


def test_deviations_are_counted(emulator: OpenAIEmulator, client: openai.OpenAI) -> None:
    emulator.set(null_errors=True, run_s=100)
    job = driving.create(client)
    client.fine_tuning.jobs.pause(job.id)
    emulator.patch_job(job.id, status="contemplating")
    assert client.fine_tuning.jobs.retrieve(job.id).status == "contemplating"
    client.get("/fine_tuning/model_limits", cast_to=object)
    assert emulator.counts()["deviations"] == {
        "null error fields": 3,
        "paused": 2,
        "patched job": 1,
        "model_limits": 1,
    }


def test_it_imports_nothing_that_it_judges(emulator: OpenAIEmulator, client: openai.OpenAI) -> None:
    upload(client)
    ask(emulator, "POST", "/v1/responses", {"model": BASE, "input": "hello"})
    modules = emulator.about()["modules"]
    assert "starlette.routing" in modules
    assert not [name for name in modules if name.partition(".")[0].startswith("ftkit")]


def test_a_fault_of_its_own_is_reported_as_one(
    emulator: OpenAIEmulator, client: openai.OpenAI
) -> None:
    emulator.reply_with({"tool_calls": [{"no": "name"}]})
    answer = ask(emulator, "POST", "/v1/chat/completions", {"model": BASE, "messages": HELLO})
    assert answer.status == 500
    (found,) = emulator.take_violations()
    assert found["what"] == "emulator"
    assert "KeyError" in found["wrong"]
    json.dumps(found)
