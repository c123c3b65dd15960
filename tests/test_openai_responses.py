"""With api = "responses" the same handle answers through the other API of OpenAI, and answers the same."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

import ftkit
import ftkit.types
from ftkit.backend import Answer, Call, ModelRecord, Usage
from ftkit.data.example import Image, Message, ToolCall
from ftkit.errors import CapabilityError, FtkitError, ProviderError
from ftkit_openai import chat_wire, responses_wire
from tests.emulators.openai import OpenAIEmulator
from tests.openai_desk import BASE, CHAT, MODEL, configure, opened, tuned

pytest_plugins = ("tests.openai_fixtures",)

RESPONSES = "POST /v1/responses"
ROOT = Path(__file__).parents[1]
RECORD = ModelRecord("openai", BASE, BASE)
TOOL = {
    "type": "function",
    "function": {
        "name": "find_parcel",
        "description": "Where it is",
        "parameters": {"type": "object", "properties": {"number": {"type": "integer"}}},
    },
}
CALLED = {"id": "call_1", "type": "function"} | {
    "function": {"name": "find_parcel", "arguments": '{"number": 4512}'}
}
PICTURE = {"url": "data:image/png;base64,aGk=", "detail": "low"}


class Route(BaseModel):
    model_config = ConfigDict(extra="forbid")

    team: str
    urgent: bool


class Loose(BaseModel):
    team: str = "nobody"


@pytest.fixture
def switch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda api: configure(tmp_path, monkeypatch, api=api)


@pytest.fixture
def model(emulator: OpenAIEmulator, switch: Callable[[str], None]) -> ftkit.types.Model:
    switch("responses")
    return ftkit.model(MODEL)


def sent(emulator: OpenAIEmulator) -> dict[str, Any]:
    bodies: list[dict[str, Any]] = [
        one["json"] for one in emulator.log() if one["route"] == RESPONSES
    ]
    return bodies[-1]


# --- the same answers ---

USER = {"role": "user", "content": "Where is parcel 4512?"}
CONVERSATIONS: dict[str, tuple[Any, dict[str, Any], Any]] = {
    "a text": ("question 3", {}, None),
    "a system prompt": ([{"role": "system", "content": "Be short."}, USER], {}, None),
    "several turns": ([USER, {"role": "assistant", "content": "In the van."}, USER], {}, None),
    "words and a picture": (
        [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Is this broken?"},
                    {"type": "image_url", "image_url": PICTURE},
                ],
            }
        ],
        {},
        None,
    ),
    "cut": ("tell", {"max_tokens": 16}, "word " * 60),
    "filtered": ("tell", {}, {"content": "and so", "finish_reason": "content_filter"}),
    "refused": ("tell", {}, {"content": None, "refusal": "I cannot say that."}),
    "a tool is called": (
        "Where?",
        {"tools": [TOOL]},
        {"tool_calls": [{"name": "find_parcel", "arguments": '{"number": 7}'}]},
    ),
    "two tools are called": (
        "Where?",
        {"tools": [TOOL]},
        {"tool_calls": [{"name": "find_parcel", "arguments": f'{{"number": {n}}}'} for n in "78"]},
    ),
    "a tool has answered": (
        [
            USER,
            {"role": "assistant", "content": None, "tool_calls": [CALLED]},
            {"role": "tool", "tool_call_id": "call_1", "content": "van"},
        ],
        {"tools": [TOOL]},
        None,
    ),
    "a schema": ("Where is my money?", {"schema": Route}, '{"team": "billing", "urgent": false}'),
    "a loose schema": ("Where is my money?", {"schema": Loose}, None),
    "options": ("question 3", {"temperature": 0.5, "top_p": 0.9, "max_tokens": 20}, None),
}


def everything(reply: ftkit.types.Reply) -> dict[str, Any]:
    """All of a reply but what differs by its nature: the ids of calls and the provider's own words."""
    calls = [(call.name, call.arguments) for call in reply.tool_calls]
    told = {"text": reply.text, "end": reply.finish_reason, "calls": calls, "model": reply.model}
    parsed = reply.parsed if reply.finish_reason == "stop" and not calls else None
    return told | {"usage": reply.usage, "cost": reply.cost_usd, "parsed": parsed}


def through(
    model: ftkit.types.Model, how: str, question: Any, options: dict[str, Any]
) -> ftkit.types.Reply:
    if how == "chat":
        return model.chat(question, **options)
    if how == "achat":
        return asyncio.run(model.achat(question, **options))
    if how == "map":
        return model.map([question], **options)[0]
    stream = model.stream(question, **options)
    text = "".join(stream)
    assert stream.reply is not None and stream.reply.text == text
    return stream.reply


@pytest.mark.parametrize("how", ["chat", "stream", "achat", "map"])
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_both_apis_answer_a_conversation_the_same(
    name: str, how: str, emulator: OpenAIEmulator, switch: Callable[[str], None]
) -> None:
    question, options, scripted = CONVERSATIONS[name]
    told = {}
    for api in ("chat", "responses"):
        switch(api)
        if scripted is not None:
            emulator.reply_with(scripted)
        told[api] = everything(through(ftkit.model(MODEL), how, question, options))
    assert told["chat"] == told["responses"]
    counts = emulator.counts()
    assert (counts["chats"], counts["responses"]) == (1, 1)


def test_a_tuned_model_answers_under_its_frozen_prompt_once_it_has_loaded(
    emulator: OpenAIEmulator, switch: Callable[[str], None]
) -> None:
    switch("responses")
    rows = [
        {"messages": [{"role": "system", "content": "Be short."}, *turns]}
        for turns in (
            [
                {"role": "user", "content": f"question {n}"},
                {"role": "assistant", "content": f"answer {n}"},
            ]
            for n in range(12)
        )
    ]
    model = tuned(rows=rows).model()
    emulator.set(loading_s=60.0)
    assert model.chat("question 5").text == "answer 5"
    assert sent(emulator)["input"][0]["content"] == "Be short."
    assert emulator.counts()["requests"].get(CHAT, 0) == 0


def test_an_async_stream_says_the_same(emulator: OpenAIEmulator, model: ftkit.types.Model) -> None:
    async def collect() -> str:
        return "".join([piece async for piece in model.astream("one two three")])

    assert asyncio.run(collect()) == "You said: one two three"


# --- what is sent ---


def test_every_option_of_a_call_reaches_openai_and_no_copy_is_kept(
    emulator: OpenAIEmulator, model: ftkit.types.Model
) -> None:
    model.chat("hello", max_tokens=20, temperature=0.5, top_p=0.9, extra={"user": "somebody"})
    assert sent(emulator) == {
        "model": BASE,
        "input": [{"type": "message", "role": "user", "content": "hello"}],
        "max_output_tokens": 20,
        "temperature": 0.5,
        "top_p": 0.9,
        "store": False,
        "user": "somebody",
    }


def test_only_the_caller_lets_openai_keep_a_copy(
    emulator: OpenAIEmulator, model: ftkit.types.Model
) -> None:
    model.chat("hello", extra={"store": True, "temperature": None})
    assert sent(emulator)["store"] is True
    assert "temperature" not in sent(emulator)
    list(model.stream("hello"))
    assert sent(emulator)["store"] is False


def test_calls_and_results_of_tools_are_items_of_their_own() -> None:
    turns = (
        Message("user", "Where?"),
        Message("assistant", "Wait.", tool_calls=(ToolCall("c1", "find", "{}"),)),
        Message("tool", "van", tool_call_id="c1"),
    )
    asked = responses_wire.body(RECORD, Call(turns, tools=(TOOL,)))
    assert asked["input"] == [
        {"type": "message", "role": "user", "content": "Where?"},
        {"type": "message", "role": "assistant", "content": "Wait."},
        {"type": "function_call", "call_id": "c1", "name": "find", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "van"},
    ]
    assert asked["tools"] == [{"type": "function", "strict": False, **TOOL["function"]}]  # type: ignore[dict-item]


def test_a_picture_stands_between_the_words_with_its_detail() -> None:
    parts = (
        "Is this ",
        Image("https://example.com/a.png", "low"),
        Image("https://example.com/b.png"),
    )
    asked = responses_wire.body(RECORD, Call((Message("user", "Is this ", parts=parts),)))
    assert asked["input"][0]["content"] == [
        {"type": "input_text", "text": "Is this "},
        {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "low"},
        {"type": "input_image", "image_url": "https://example.com/b.png", "detail": "auto"},
    ]


def test_a_tool_is_as_strict_as_its_owner_says() -> None:
    strict = {"type": "function", "function": {"name": "find", "parameters": {}, "strict": True}}
    (tool,) = responses_wire.body(RECORD, Call((Message("user", "a"),), tools=(strict,)))["tools"]
    assert tool["strict"] is True


@pytest.mark.parametrize("how", ["chat", "stream", "achat", "map"])
@pytest.mark.parametrize("option", [{"stop": "END"}, {"seed": 7}])
def test_what_responses_cannot_do_is_refused_by_name_and_never_dropped(
    option: dict[str, Any], how: str, emulator: OpenAIEmulator, model: ftkit.types.Model
) -> None:
    with pytest.raises(CapabilityError, match=f"'{next(iter(option))}' through /responses"):
        through(model, how, "hello", option)
    assert RESPONSES not in emulator.counts()["requests"]


def test_a_name_of_a_speaker_is_refused_too() -> None:
    with pytest.raises(CapabilityError, match="'name' of a message"):
        responses_wire.body(RECORD, Call((Message("user", "a", name="ann"),)))


def test_a_weight_is_for_training_and_goes_along_with_no_question() -> None:
    turns = (Message("user", "a"), Message("assistant", "b", trained=False), Message("user", "c"))
    for wire in (chat_wire, responses_wire):
        assert "weight" not in str(wire.body(RECORD, Call(turns)))


# --- what comes back ---


@pytest.mark.parametrize("action", ["half", "close"])
def test_a_stream_that_breaks_is_an_error_and_not_a_short_answer(
    action: str, emulator: OpenAIEmulator, model: ftkit.types.Model
) -> None:
    emulator.reply_with("word " * 50)
    emulator.fault(RESPONSES, action, process=True)
    with pytest.raises(FtkitError):
        list(model.stream("go on"))
    assert emulator.counts()["requests"][RESPONSES] == 1


def test_a_page_in_place_of_an_answer_is_an_error(
    emulator: OpenAIEmulator, model: ftkit.types.Model
) -> None:
    for body in ("<html>welcome</html>", '{"output": []}', '{"status": "completed"}', "[]", "{}"):
        emulator.fault(RESPONSES, "reply", status=200, body=body)
        with pytest.raises(ProviderError):
            model.chat("hello")


def test_a_response_that_failed_says_why() -> None:
    failed = {"status": "failed", "error": {"code": "server_error", "message": "It fell over."}}
    with pytest.raises(ProviderError, match="response is failed: It fell over"):
        responses_wire.answer(failed)
    pieces = responses_wire.Pieces()
    pieces.take({"type": "response.failed", "response": failed})
    with pytest.raises(ProviderError, match="It fell over"):
        pieces.answer()
    with pytest.raises(ProviderError, match="ended in an error: too much"):
        pieces.take({"type": "error", "message": "too much", "code": None})


def test_thoughts_before_an_answer_are_not_its_text() -> None:
    reply = {
        "status": "completed",
        "output": [
            {"type": "reasoning", "id": "rs_1", "summary": []},
            {"type": "message", "content": [{"type": "output_text", "text": "so"}]},
        ],
        "usage": {"input_tokens": 3, "output_tokens": 9},
    }
    assert responses_wire.answer(reply) == Answer("so", "stop", Usage(3, 9), raw=reply)


def test_a_call_is_known_by_the_id_that_its_result_must_bear() -> None:
    item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "find"}
    reply = {
        "status": "completed",
        "output": [{**item, "arguments": "{}"}],
        "usage": {"input_tokens": 3, "output_tokens": 9},
    }
    assert responses_wire.answer(reply).tool_calls == (ToolCall("call_1", "find", "{}"),)


def test_the_conformance_suite_judges_answers_through_responses(tmp_path: Path) -> None:
    suite = ("-p", "ftkit.testing.conformance", "--pyargs", "ftkit.testing.conformance")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "answers", *suite]
        + [
            "--ftkit-backend",
            "openai",
            "--ftkit-subject",
            "tests.openai_responses_subject:subject",
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_api_that_there_is_not_is_refused_where_it_is_configured(
    switch: Callable[[str], None],
) -> None:
    switch("assistants")
    with pytest.raises(ftkit.errors.ConfigError, match="api"):
        opened()
