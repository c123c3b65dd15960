"""The emulator is honest: requests and answers are held to the SDK's own types, and the judge is shown to see."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import pytest

from tests.emulators.anthropic import AnthropicEmulator, ContractViolation, driving
from tests.emulators.anthropic.deviations import DEVIATIONS, MENDED
from tests.emulators.anthropic.driving import (
    COUNT,
    CREATE,
    HAIKU,
    LIST,
    MESSAGES,
    READ,
    RESULTS,
    ask,
    asked,
    body,
)
from tests.emulators.anthropic.stream_order import out_of_order

server, emulator, client = driving.server, driving.emulator, driving.client

MODEL, MODELS = "GET /v1/models/ID", "GET /v1/models"
CANCEL, DELETE = "POST /v1/messages/batches/ID/cancel", "DELETE /v1/messages/batches/ID"

# name: route, what is laid over its answer, what is taken out of it
ALTERATIONS: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "a message has a field of its own": (MESSAGES, {"mood": "fine"}, []),
    "a message ends for a reason of its own": (MESSAGES, {"stop_reason": "bored"}, []),
    "a message lacks its usage": (MESSAGES, {}, ["usage"]),
    "usage is text": (MESSAGES, {"usage.output_tokens": "ten"}, []),
    "usage has a field of its own": (MESSAGES, {"usage.total_tokens": 1}, []),
    "a cache that was written lacks a life": (
        MESSAGES,
        {},
        ["usage.cache_creation.ephemeral_1h_input_tokens"],
    ),
    "a text is a number": (MESSAGES, {"content.1.text": 7}, []),
    "a block has a type of its own": (MESSAGES, {"content.1.type": "song"}, []),
    "a thought has no signature": (MESSAGES, {}, ["content.0.signature"]),
    "a message is the user's": (MESSAGES, {"role": "user"}, []),
    "a count is text": (COUNT, {"input_tokens": "ten"}, []),
    "a batch thinks": (READ, {"processing_status": "thinking"}, []),
    "a batch has metadata": (READ, {"metadata": {}}, []),
    "a batch's time is a number": (CREATE, {"created_at": 1795521600}, []),
    "a batch lacks its counts": (LIST, {}, ["data.0.request_counts"]),
    "a list does not say whether there is more": (LIST, {}, ["has_more"]),
    "a list's end is another": (LIST, {"last_id": "msgbatch_1"}, []),
    "a cancelled batch lacks its type": (CANCEL, {}, ["type"]),
    "a deleted batch is a batch": (DELETE, {"type": "message_batch"}, []),
    "a row has no id": (RESULTS, {}, ["0.custom_id"]),
    "a row ended for a reason of its own": (RESULTS, {"0.result.type": "lost"}, []),
    "a row's message lacks its model": (RESULTS, {}, ["0.result.message.model"]),
    "a model is resting": (MODEL, {"lifecycle": "resting"}, []),
    "a model lacks a capability": (MODELS, {}, ["data.0.capabilities.batch"]),
    "an error has a type of its own": (MODEL, {"error.type": "shrug"}, []),
    "an error has a code": (MODEL, {"error.code": "x"}, []),
}
STREAMED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "an event has a type of its own": ({"1.type": "pong"}, []),
    "a ping says more": ({"1.text": "a"}, []),
    "a start lacks its message": ({}, ["0.message"]),
    "a block starts as another": ({"2.index": 1}, []),
    "a delta is of another kind": ({"3.delta": {"type": "text_delta", "text": "a"}}, []),
    "a delta has no text": ({}, ["6.delta.text"]),
    "the end lacks its usage": ({}, ["10.usage"]),
    "the stop is missing": ({}, ["11"]),
    "two starts": ({"1": {"type": "message_stop"}}, []),
}


def _every_route(emulator: AnthropicEmulator, *, wrong_model: bool) -> None:
    """Ask each route that an alteration concerns once, and do not look at what it says."""
    ask(emulator, "POST", "/v1/messages", body())
    ask(emulator, "POST", "/v1/messages/count_tokens", {"model": HAIKU, "messages": asked("a")})
    rows = {"requests": [{"custom_id": "1", "params": body()}]}
    emulator.set(batch_s=100, cancel_s=0)
    id = ask(emulator, "POST", "/v1/messages/batches", rows).json["id"]
    ask(emulator, "GET", "/v1/messages/batches")
    ask(emulator, "POST", f"/v1/messages/batches/{id}/cancel")
    emulator.set(batch_s=0)
    id = ask(emulator, "POST", "/v1/messages/batches", rows).json["id"]
    ask(emulator, "GET", f"/v1/messages/batches/{id}")
    ask(emulator, "GET", f"/v1/messages/batches/{id}/results")
    ask(emulator, "DELETE", f"/v1/messages/batches/{id}")
    ask(emulator, "GET", "/v1/models")
    ask(emulator, "GET", "/v1/models/none" if wrong_model else f"/v1/models/{HAIKU}")


@pytest.mark.parametrize("alteration", ALTERATIONS)
def test_an_altered_answer_is_caught(emulator: AnthropicEmulator, alteration: str) -> None:
    route, fields, remove = ALTERATIONS[alteration]
    emulator.fault(route, "patch", fields=fields, remove=remove, judged=True)
    _every_route(emulator, wrong_model=alteration.startswith("an error"))
    assert [(one["what"], one["route"]) for one in emulator.take_violations()] == [
        ("answer", route)
    ]


@pytest.mark.parametrize("wrong_model", [False, True])
def test_unaltered_answers_are_not(emulator: AnthropicEmulator, wrong_model: bool) -> None:
    _every_route(emulator, wrong_model=wrong_model)
    assert emulator.violations() == []


@pytest.mark.parametrize("alteration", [None, *STREAMED])
def test_an_altered_stream_is_caught(emulator: AnthropicEmulator, alteration: str | None) -> None:
    if alteration is not None:
        fields, remove = STREAMED[alteration]
        emulator.fault(MESSAGES, "patch", fields=fields, remove=remove, judged=True)
    ask(emulator, "POST", "/v1/messages", body("a", stream=True))
    found = emulator.take_violations()
    assert [one["route"] for one in found] == ([] if alteration is None else [MESSAGES])


def test_the_order_of_a_stream_is_judged() -> None:
    start: Any = {"type": "message_start"}
    block: Any = {"type": "content_block_start", "index": 0, "content_block": {"type": "text"}}
    delta: Any = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta"}}
    stop: Any = {"type": "content_block_stop", "index": 0}
    end: Any = {"type": "message_delta"}
    last: Any = {"type": "message_stop"}
    error: Any = {"type": "error"}
    whole = [start, block, delta, stop, end, last]
    assert out_of_order(whole) is None
    assert out_of_order([start, block, error]) is None
    for at in range(len(whole)):
        if whole[at] is not delta:
            assert out_of_order(whole[:at] + whole[at + 1 :]) is not None, whole[at]
        # A second delta, or one block more, is no fault; anything else twice is.
        if whole[at] is not delta:
            assert out_of_order(whole[: at + 1] + whole[at:]) is not None, whole[at]
    assert out_of_order([start, error, last]) is not None


def test_a_violation_that_nobody_took_fails_the_test() -> None:
    with pytest.raises(ContractViolation, match="colour"), AnthropicEmulator() as emulator:
        ask(emulator, "POST", "/v1/messages", body(colour="red"))


def test_a_reset_does_not_swallow_a_violation(emulator: AnthropicEmulator) -> None:
    ask(emulator, "POST", "/v1/messages", body(colour="red"))
    with pytest.raises(ContractViolation):
        emulator.reset()


def test_every_deviation_is_in_one_list(emulator: AnthropicEmulator) -> None:
    about = emulator.about()
    assert (about["deviations"], about["mended"]) == (DEVIATIONS, MENDED)
    print("where the Anthropic emulator is not held to the SDK's types (pytest -rP shows this):")
    for name, why in DEVIATIONS.items():
        print(f"  {name}: {why}")
    print("what is read differently in the types:")
    for name, why in MENDED.items():
        print(f"  {name}: {why}")


def test_deviations_are_counted(client: anthropic.Anthropic, emulator: AnthropicEmulator) -> None:
    emulator.set(max_request_bytes=400)
    list(client.messages.create(**body(), stream=True))
    with pytest.raises(anthropic.ContentTooLargeError):
        client.messages.create(**body("x" * 400))
    emulator.refuse(MESSAGES, "api_error")
    with pytest.raises(anthropic.InternalServerError):
        client.messages.create(**body())
    assert emulator.counts()["deviations"] == {"ping": 1, "request_too_large": 1, "fault": 1}


def test_it_imports_nothing_that_it_judges(
    client: anthropic.Anthropic, emulator: AnthropicEmulator
) -> None:
    client.messages.create(**body())
    modules = emulator.about()["modules"]
    assert "anthropic.types" in modules
    assert not [name for name in modules if name.partition(".")[0].startswith("ftkit")]


def test_a_fault_of_its_own_is_reported_as_one(emulator: AnthropicEmulator) -> None:
    emulator.reply_with({"tool_calls": [{"no": "name"}]})
    seen = ask(emulator, "POST", "/v1/messages", body())
    assert (seen.status, seen.json["error"]["type"]) == (500, "api_error")
    (found,) = emulator.take_violations()
    assert found["what"] == "emulator"
    assert "KeyError" in found["wrong"]
    json.dumps(found)


@pytest.mark.parametrize(
    "settings",
    [
        {"colour": 1},
        {"batch_s": "long"},
        {"funds": "rich"},
        {"retirements": "claude-none=2027-01-01"},
    ],
)
def test_a_setting_that_there_is_not_is_refused(
    emulator: AnthropicEmulator, settings: dict[str, Any]
) -> None:
    with pytest.raises(RuntimeError):
        emulator.set(**settings)
