"""Tools, schemas and images in questions to OpenAI's models: sent whole, and read back from answers whole or streamed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

import ftkit
from ftkit.errors import ProviderError
from ftkit.models.schemas import json_schema
from ftkit.types import ToolCall
from ftkit_openai.chat_wire import leaves_nothing_open
from tests.emulators.openai import OpenAIEmulator
from tests.openai_desk import CHAT, MODEL

pytest_plugins = ("tests.openai_fixtures",)

TOOL = {
    "type": "function",
    "function": {
        "name": "find_parcel",
        "parameters": {"type": "object", "properties": {"number": {"type": "integer"}}},
    },
}
ASKED = {"tool_calls": [{"name": "find_parcel", "arguments": '{"number": 4512}'}]}


class Route(BaseModel):
    model_config = ConfigDict(extra="forbid")

    team: str
    urgent: bool


class Loose(BaseModel):
    team: str = "nobody"


@pytest.fixture
def model(emulator: OpenAIEmulator) -> ftkit.types.Model:
    return ftkit.model(MODEL)


def sent(emulator: OpenAIEmulator) -> dict[str, Any]:
    bodies: list[dict[str, Any]] = [one["json"] for one in emulator.log() if one["route"] == CHAT]
    return bodies[-1]


def test_a_tool_call_comes_back_and_its_result_goes_out(
    emulator: OpenAIEmulator, model: ftkit.types.Model
) -> None:
    emulator.reply_with(ASKED, "It is in the van.")
    reply = model.chat("Where is parcel 4512?", tools=[TOOL])
    (call,) = reply.tool_calls
    assert (call.name, call.arguments) == ("find_parcel", '{"number": 4512}')
    assert reply.finish_reason == "tool_calls"
    assert sent(emulator)["tools"] == [TOOL]
    asked = ftkit.types.Message("assistant", "", tool_calls=reply.tool_calls)
    result = {"role": "tool", "tool_call_id": call.id, "content": "van"}
    question = [{"role": "user", "content": "Where is parcel 4512?"}, asked, result]
    assert model.chat(question, tools=[TOOL]).text == "It is in the van."
    assert sent(emulator)["messages"][2] == result
    assert sent(emulator)["messages"][1]["tool_calls"][0]["id"] == call.id


def test_a_streamed_tool_call_is_put_together(
    emulator: OpenAIEmulator, model: ftkit.types.Model
) -> None:
    emulator.reply_with(ASKED, ASKED)
    stream = model.stream("Where is parcel 4512?", tools=[TOOL])
    assert list(stream) == []
    assert stream.reply is not None
    (call,) = stream.reply.tool_calls
    assert (call.name, call.arguments) == ("find_parcel", '{"number": 4512}')
    reply = asyncio.run(model.achat("Where is parcel 4512?", tools=[TOOL]))
    assert [one.name for one in reply.tool_calls] == ["find_parcel"]


def test_an_answer_by_a_schema_is_parsed(
    emulator: OpenAIEmulator, model: ftkit.types.Model
) -> None:
    emulator.reply_with('{"team": "billing", "urgent": false}', "billing, I guess")
    reply = model.chat("Where is my money?", schema=Route)
    assert reply.parsed == Route(team="billing", urgent=False)
    wanted = sent(emulator)["response_format"]["json_schema"]
    assert (wanted["schema"], wanted["strict"]) == (json_schema(Route), True)
    wrong = model.chat("Where is my money?", schema=Route)
    with pytest.raises(ProviderError, match="does not fulfil the schema.*billing, I guess"):
        _ = wrong.parsed
    assert wrong.text == "billing, I guess"  # it was paid for and is not lost


def test_only_a_schema_that_leaves_nothing_open_is_enforced() -> None:
    assert leaves_nothing_open(json_schema(Route))
    assert not leaves_nothing_open(json_schema(Loose))
    nested = {"type": "array", "items": {"type": "object", "properties": {"a": {}}, "required": []}}
    assert not leaves_nothing_open(nested)


def test_a_picture_is_sent_between_the_words(
    emulator: OpenAIEmulator, model: ftkit.types.Model
) -> None:
    parts = [
        {"type": "text", "text": "Is this broken? "},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk=", "detail": "low"}},
    ]
    assert model.chat([{"role": "user", "content": parts}]).text
    assert sent(emulator)["messages"] == [{"role": "user", "content": parts}]


def test_answers_with_tool_calls_are_read_back_from_a_file(
    emulator: OpenAIEmulator, model: ftkit.types.Model, tmp_path: Any
) -> None:
    emulator.reply_with(ASKED)
    out = tmp_path / "answers.jsonl"
    first = model.map(["Where is parcel 4512?"], out=out, tools=[TOOL])
    again = model.map(["Where is parcel 4512?"], out=out, tools=[TOOL])
    assert again[0].replayed and again[0].tool_calls == first[0].tool_calls
    assert isinstance(again[0].tool_calls[0], ToolCall)
