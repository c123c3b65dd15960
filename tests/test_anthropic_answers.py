"""Answers of Claude: as they were asked for, whole and in pieces, with tools, a schema and pictures, many at once."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from pydantic import BaseModel

import ftkit
import ftkit.types
from ftkit.backend import Answer, Call, Inference, Refused, Usage
from ftkit.data.example import Image, Message
from ftkit.errors import CapabilityError, DataError, NotFound, ProviderError
from ftkit_anthropic.wire import Pieces
from tests.anthropic_desk import ASK, HAIKU, MODEL, OPUS, SONNET, answering, configure, sent
from tests.emulators.anthropic import AnthropicEmulator

pytest_plugins = ("tests.anthropic_fixtures",)

ASKED = (Message("system", "Be short."), Message("user", "question 1"))
TOOL = {
    "type": "function",
    "function": {
        "name": "find_parcel",
        "parameters": {"type": "object", "properties": {"number": {"type": "integer"}}},
    },
}
CALLED = {"tool_calls": [{"name": "find_parcel", "arguments": {"number": 4512}}]}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class Route(BaseModel):
    team: str
    urgent: bool = False


@pytest.fixture
def model(claude: AnthropicEmulator) -> ftkit.types.Model:
    return ftkit.model(MODEL)


# --- what is sent and what comes back ---


def test_every_option_of_a_call_reaches_anthropic(
    claude: AnthropicEmulator, claude_inference: Inference
) -> None:
    call = Call(ASKED, 9, stop=("###", "END"), extra={"metadata": {"user_id": "somebody"}})
    claude_inference.chat(claude_inference.record(HAIKU), call)
    assert sent(claude) == {
        "model": HAIKU,
        "max_tokens": 9,
        "system": [{"type": "text", "text": "Be short."}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "question 1"}]}],
        "stop_sequences": ["###", "END"],
        "thinking": {"type": "disabled"},
        "metadata": {"user_id": "somebody"},
    }


def test_each_model_thinks_as_little_as_it_can_unless_it_is_asked_to(
    claude: AnthropicEmulator, claude_inference: Inference
) -> None:
    for name in (HAIKU, SONNET, OPUS):
        answer = claude_inference.chat(claude_inference.record(name), Call(ASKED))
        assert [block["type"] for block in answer.raw["content"]] == ["text"], name
    record = claude_inference.record(OPUS)
    claude_inference.chat(record, Call(ASKED, extra={"output_config": {"effort": "high"}}))
    assert sent(claude)["output_config"] == {"effort": "high"}
    answer = claude_inference.chat(
        claude_inference.record(HAIKU), Call(ASKED, extra={"thinking": None})
    )
    assert [block["type"] for block in answer.raw["content"]] == ["thinking", "text"]
    assert answer.text == "You said: question 1", "what it thought is not its answer"


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("pause_turn", "pause_turn"),
    ],
)
def test_a_reason_to_end_is_said_in_the_words_of_the_contract(
    reason: str, said: str, claude: AnthropicEmulator, model: ftkit.types.Model
) -> None:
    claude.reply_with({"content": "and so", "stop_reason": reason})
    assert model.chat("go on").finish_reason == said


def test_an_answer_that_is_cut_at_a_stop_ends_there(
    claude: AnthropicEmulator, model: ftkit.types.Model
) -> None:
    claude.reply_with("one END two")
    reply = model.chat("count", stop="END")
    assert (reply.text.strip(), reply.finish_reason) == ("one", "stop")


def test_a_refusal_is_told_as_such(claude: AnthropicEmulator, model: ftkit.types.Model) -> None:
    claude.reply_with({"content": "", "refusal": "I cannot say that.", "category": "bio"})
    assert model.chat("say it").finish_reason == "refusal"


@pytest.mark.parametrize("name", [HAIKU, OPUS])
def test_a_stream_says_the_same_with_its_usage(name: str, claude_inference: Inference) -> None:
    record = claude_inference.record(name)
    whole = claude_inference.chat(record, Call(ASKED))
    *pieces, last = claude_inference.stream(record, Call(ASKED))
    assert isinstance(last, Answer)
    assert "".join(map(str, pieces)) == last.text == whole.text
    assert (last.usage, last.finish_reason) == (whole.usage, whole.finish_reason)


def test_a_stream_without_its_end_is_not_whole() -> None:
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 3, "output_tokens": 1}}}
    piece = {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": "and"},
    }
    end = {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn"},
        "usage": {"output_tokens": 7},
    }
    pieces = Pieces()
    for event in (start, piece, end):
        pieces.take(event)
        with pytest.raises(ProviderError, match="not whole"):
            pieces.answer()
    pieces.take({"type": "message_stop"})
    assert (pieces.answer().text, pieces.answer().usage) == ("and", Usage(3, 7))


def test_async_answers_work_in_one_event_loop_after_another(
    claude: AnthropicEmulator, claude_inference: Inference
) -> None:
    record = claude_inference.record(HAIKU)

    async def both() -> tuple[str, str]:
        answers = await asyncio.gather(
            *(claude_inference.achat(record, Call(ASKED)) for _ in range(20))
        )
        pieces = [piece async for piece in claude_inference.astream(record, Call(ASKED))]
        return answers[0].text, "".join(piece for piece in pieces if isinstance(piece, str))

    said = [asyncio.run(both()) for _ in range(2)]
    assert set(said) == {("You said: question 1", "You said: question 1")}


def test_what_anthropic_does_not_take_is_said_in_its_words(
    claude: AnthropicEmulator, claude_inference: Inference
) -> None:
    with pytest.raises(Refused, match="max_tokens"):
        claude_inference.chat(claude_inference.record(HAIKU), Call(ASKED, 1_000_000))


def test_a_page_in_place_of_an_answer_is_an_error(
    claude: AnthropicEmulator, claude_inference: Inference
) -> None:
    record = claude_inference.record(HAIKU)
    for body in ("<html>welcome</html>", '{"content": "x"}', "[]", "{}"):
        claude.fault(ASK, "reply", status=200, body=body)
        with pytest.raises(ProviderError):
            claude_inference.chat(record, Call(ASKED))


# --- tools, schemas, pictures ---


def test_a_tool_call_comes_back_and_its_result_goes_out(
    claude: AnthropicEmulator, model: ftkit.types.Model
) -> None:
    claude.reply_with(CALLED, "It is in the van.")
    reply = model.chat("Where is parcel 4512?", tools=[TOOL])
    (call,) = reply.tool_calls
    assert (call.name, json.loads(call.arguments)) == ("find_parcel", {"number": 4512})
    assert reply.finish_reason == "tool_calls"
    asked = ftkit.types.Message("assistant", "", tool_calls=reply.tool_calls)
    result = {"role": "tool", "tool_call_id": call.id, "content": "van"}
    question = [{"role": "user", "content": "Where is parcel 4512?"}, asked, result]
    follow = [*question, {"role": "user", "content": "in one word"}]
    assert model.chat(follow, tools=[TOOL]).text == "It is in the van."
    (_, calls, results) = sent(claude)["messages"]
    assert calls["content"][0]["input"] == {"number": 4512}
    kinds = [block["type"] for block in results["content"]]
    assert kinds == ["tool_result", "text"], "results come first, in the same turn"


def test_a_streamed_tool_call_is_put_together(
    claude: AnthropicEmulator, model: ftkit.types.Model
) -> None:
    claude.reply_with(CALLED, CALLED)
    stream = model.stream("Where is parcel 4512?", tools=[TOOL])
    assert list(stream) == []
    assert stream.reply is not None
    (call,) = stream.reply.tool_calls
    assert json.loads(call.arguments) == {"number": 4512}
    reply = asyncio.run(model.achat("Where is parcel 4512?", tools=[TOOL]))
    assert [one.name for one in reply.tool_calls] == ["find_parcel"]


def test_arguments_that_are_no_object_are_refused_before_anything_is_sent(
    claude: AnthropicEmulator, claude_inference: Inference
) -> None:
    call = ftkit.types.ToolCall("toolu_1", "find_parcel", "[4512]")
    turns = (
        Message("user", "Where?"),
        Message("assistant", "", tool_calls=(call,)),
        Message("tool", "van", tool_call_id="toolu_1"),
    )
    with pytest.raises(DataError, match="find_parcel"):
        claude_inference.chat(claude_inference.record(HAIKU), Call(turns, tools=(TOOL,)))
    assert claude.counts()["messages"] == 0


def test_an_answer_by_a_schema_is_parsed(
    claude: AnthropicEmulator, model: ftkit.types.Model
) -> None:
    claude.reply_with('{"team": "billing", "urgent": true}', "billing, I guess")
    reply = model.chat("Where is my money?", schema=Route)
    assert reply.parsed == Route(team="billing", urgent=True)
    form = sent(claude)["output_config"]["format"]
    assert form["schema"]["additionalProperties"] is False
    with pytest.raises(ProviderError, match="does not fulfil the schema"):
        _ = model.chat("Where is my money?", schema=Route).parsed


def test_a_schema_keeps_what_a_model_is_asked_beside_it(
    claude: AnthropicEmulator, claude_inference: Inference
) -> None:
    claude.reply_with('{"team": "billing"}')
    schema = {"type": "object", "properties": {"team": {"type": "string"}}, "required": ["team"]}
    claude_inference.chat(claude_inference.record(OPUS), Call(ASKED, schema=schema))
    assert sent(claude)["output_config"].keys() == {"effort", "format"}


def test_a_schema_that_cannot_be_enforced_is_refused_before_anything_is_sent(
    claude: AnthropicEmulator, model: ftkit.types.Model
) -> None:
    with pytest.raises(CapabilityError, match="cannot hold an answer to this schema"):
        model.chat("go", schema={"description": "anything"})
    assert claude.counts()["messages"] == 0


def test_pictures_go_along_by_their_bytes_and_by_their_address(
    claude: AnthropicEmulator, claude_inference: Inference
) -> None:
    parts = ("What is it?", Image(f"data:image/png;base64,{PIXEL}"), Image("https://a.example/b"))
    claude_inference.chat(
        claude_inference.record(HAIKU), Call((Message("user", "What is it?", parts=parts),))
    )
    (turn,) = sent(claude)["messages"]
    assert [block["type"] for block in turn["content"]] == ["text", "image", "image"]
    held, told = (block["source"] for block in turn["content"][1:])
    assert (held["media_type"], held["data"]) == ("image/png", PIXEL)
    assert told == {"type": "url", "url": "https://a.example/b"}


# --- records ---


def test_a_model_has_its_name_and_its_other_names(claude_inference: Inference) -> None:
    assert claude_inference.record("claude-haiku-5.5").native == HAIKU


def test_a_model_that_the_catalogue_does_not_know_is_asked_for(
    claude: AnthropicEmulator, claude_inference: Inference
) -> None:
    record = claude_inference.record("claude-haiku-4-5")
    assert claude_inference.chat(record, Call(ASKED)).text == "You said: question 1"
    assert ftkit.model("anthropic/claude-haiku-4-5").chat("hello").cost_usd is None
    with pytest.raises(NotFound, match="claude-haiku-5-5"):
        claude_inference.record("claude-haiku-5-6")


# --- many ---


def test_many_questions_are_asked_a_few_at_once_and_answered_in_their_order(
    claude: AnthropicEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, answers_at_once=3)
    calls = [Call((Message("user", f"number {n}"),)) for n in range(20)]
    claude_inference = answering()
    answers = dict(claude_inference.chat_many(claude_inference.record(HAIKU), calls))
    assert {n: one.text for n, one in answers.items()} == {
        n: f"You said: number {n}" for n in range(20)
    }
    assert claude.counts()["messages"] == 20
