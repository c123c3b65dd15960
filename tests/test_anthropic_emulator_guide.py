"""The calls of Anthropic's own guides, made by the real SDK without a change."""

from __future__ import annotations

import asyncio
import base64
import struct
import zlib
from typing import Any

import anthropic
import pydantic
import pytest

from tests.emulators.anthropic import AnthropicEmulator, driving
from tests.emulators.anthropic.driving import HAIKU, OLD, OPUS, SONNET, asked, body, text_of

server, emulator, client = driving.server, driving.emulator, driving.client

WEATHER: Any = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string", "enum": ["Rome"]}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


class Route(pydantic.BaseModel):
    """A schema as users write them."""

    label: str
    urgent: bool
    score: int


def png(side: int = 30) -> str:
    """A white picture, as base64."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\xff" * 3 * side) * side)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + parts).decode()


def test_a_message_has_a_thought_its_text_and_its_tokens(client: anthropic.Anthropic) -> None:
    message = client.messages.create(**body("hello there", system="Be kind."))
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert text_of(message) == "You said: hello there"
    assert (message.stop_reason, message.model, message.role) == ("end_turn", HAIKU, "assistant")
    assert message.usage.input_tokens == 2 + 3 + 2  # the system's words, a turn, its words
    assert message.usage.output_tokens == 4 + 4  # the thought, the words
    details = message.usage.output_tokens_details
    assert details is not None and details.thinking_tokens == 4


def test_the_text_of_a_thought_is_shown_where_it_is_asked_for(client: anthropic.Anthropic) -> None:
    for display, shown in (("summarized", True), ("omitted", False)):
        message = client.messages.create(**body(thinking={"type": "adaptive", "display": display}))
        thought = message.content[0]
        assert thought.type == "thinking" and thought.signature
        assert bool(thought.thinking) == shown
    without = client.messages.create(**body(thinking={"type": "disabled"}))
    assert [block.type for block in without.content] == ["text"]
    short = client.messages.create(**body(output_config={"effort": "low"}))
    assert [block.type for block in short.content] == ["text"]


def test_a_stream_builds_the_same_message(client: anthropic.Anthropic) -> None:
    whole = client.messages.create(**body("one two"))
    with client.messages.stream(**body("one two")) as stream:
        words = list(stream.text_stream)
        streamed = stream.get_final_message()
    assert words == ["You", " said:", " one", " two"]
    assert text_of(streamed) == text_of(whole)
    assert streamed.usage.output_tokens == whole.usage.output_tokens
    assert streamed.stop_reason == "end_turn"


def test_a_raw_stream_has_its_events_in_order(client: anthropic.Anthropic) -> None:
    kinds = [event.type for event in client.messages.create(**body("a"), stream=True)]
    assert kinds == [
        "message_start",
        "content_block_start",
        "content_block_delta",  # the signature of a thought without text
        "content_block_stop",
        "content_block_start",
        *["content_block_delta"] * 3,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


def test_a_tool_is_called_and_its_result_is_read(client: anthropic.Anthropic) -> None:
    question = "get_weather please"
    first = client.messages.create(**body(question, tools=[WEATHER]))
    assert first.stop_reason == "tool_use"
    call = next(block for block in first.content if block.type == "tool_use")
    assert (call.name, call.input) == ("get_weather", {"city": "Rome"})
    result: Any = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
    turns = [*asked(question), first.to_param(), {"role": "user", "content": [result]}]
    second = client.messages.create(**{**body(tools=[WEATHER]), "messages": turns})
    assert text_of(second) == "You said: sunny"


def test_the_arguments_of_a_tool_come_in_parts(client: anthropic.Anthropic) -> None:
    with client.messages.stream(**body("get_weather", tools=[WEATHER])) as stream:
        parts = [event.partial_json for event in stream if event.type == "input_json"]
        message = stream.get_final_message()
    assert parts[0] == "" and len(parts) == 3
    assert message.content[-1].type == "tool_use"
    assert message.content[-1].input == {"city": "Rome"}


def test_a_tool_may_be_forced_on_a_model_that_takes_it_and_then_nothing_is_thought(
    client: anthropic.Anthropic,
) -> None:
    for choice in ({"type": "any"}, {"type": "tool", "name": "get_weather"}):
        message = client.messages.create(**body("hi", tools=[WEATHER], tool_choice=choice))
        assert [block.type for block in message.content] == ["tool_use"]
    none = client.messages.create(
        **body("get_weather", tools=[WEATHER], tool_choice={"type": "none"})
    )
    assert none.stop_reason == "end_turn"


def test_a_schema_is_answered_by_an_instance(client: anthropic.Anthropic) -> None:
    parsed = client.messages.parse(**body(), output_format=Route)
    assert parsed.parsed_output == Route(label="", urgent=False, score=0)
    schema = {**Route.model_json_schema(), "additionalProperties": False}
    form = {"format": {"type": "json_schema", "schema": schema}}
    message = client.messages.create(**body(output_config=form))
    assert Route.model_validate_json(text_of(message)) == parsed.parsed_output


def test_a_picture_is_read(client: anthropic.Anthropic) -> None:
    picture = {"type": "base64", "media_type": "image/png", "data": png()}
    turn = [{"type": "image", "source": picture}, {"type": "text", "text": "what is it"}]
    message = client.messages.create(**body(turn))
    assert text_of(message) == "You said: what is it"
    assert message.usage.input_tokens == 3 + 2 + 3  # a turn, 900 pixels, the words


def test_the_count_is_what_the_message_then_costs(client: anthropic.Anthropic) -> None:
    asks = body("how many tokens", system="Count.", tools=[WEATHER])
    usage = client.messages.create(**asks).usage
    del asks["max_tokens"]
    assert client.messages.count_tokens(**asks).input_tokens == usage.input_tokens


def test_an_answer_ends_for_each_reason_there_is(
    client: anthropic.Anthropic, emulator: AnthropicEmulator
) -> None:
    plain: dict[str, Any] = {"thinking": {"type": "disabled"}}
    cut = client.messages.create(**{**body("a b c d"), "max_tokens": 3}, **plain)
    assert (cut.stop_reason, text_of(cut)) == ("max_tokens", "You said: a")
    stopped = client.messages.create(**body("a b c"), stop_sequences=["z", " c", " b"], **plain)
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", " b")
    assert text_of(stopped) == "You said: a"
    emulator.reply_with(
        {"refusal": "That would be harmful.", "category": "bio"},
        {"content": "wait", "stop_reason": "pause_turn"},
    )
    refused = client.messages.create(**body())
    assert refused.stop_reason == "refusal" and text_of(refused) == ""
    assert refused.stop_details is not None
    assert (refused.stop_details.category, refused.stop_details.explanation) == (
        "bio",
        "That would be harmful.",
    )
    assert client.messages.create(**body()).stop_reason == "pause_turn"
    emulator.set(context_tokens=9)
    full = client.messages.create(**body("a b c"), **plain)
    assert full.stop_reason == "model_context_window_exceeded"
    assert text_of(full) == "You said: a"
    assert emulator.counts()["stop_reasons"] == {
        "max_tokens": 1,
        "stop_sequence": 1,
        "refusal": 1,
        "pause_turn": 1,
        "model_context_window_exceeded": 1,
    }


def test_thoughts_leave_a_small_limit_no_room_for_words(client: anthropic.Anthropic) -> None:
    message = client.messages.create(**{**body(), "max_tokens": 4})
    assert message.stop_reason == "max_tokens"
    assert [block.type for block in message.content] == ["thinking"]


def test_an_old_model_continues_a_prefill_and_takes_a_budget(client: anthropic.Anthropic) -> None:
    turns = [*asked("capital?"), {"role": "assistant", "content": "It is"}]
    message = client.messages.create(model=OLD, max_tokens=10, messages=turns)
    assert message.stop_reason == "end_turn"
    assert message.model == "claude-haiku-4-5-20251001"
    thought = client.messages.create(
        model=OLD,
        max_tokens=2048,
        messages=asked("hi"),
        thinking={"type": "enabled", "budget_tokens": 1024},
    )
    assert thought.content[0].type == "thinking" and thought.content[0].thinking


def test_models_are_listed_with_what_they_can(client: anthropic.Anthropic) -> None:
    listed = {model.id: model for model in client.models.list(limit=2)}
    assert list(listed)[:3] == [HAIKU, SONNET, OPUS]  # all pages, newest first
    assert "claude-3-haiku-20240307" not in listed
    haiku = listed[HAIKU]
    assert (haiku.max_input_tokens, haiku.max_tokens) == (1_000_000, 128_000)
    assert haiku.capabilities is not None and haiku.capabilities.structured_outputs.supported
    assert not haiku.capabilities.thinking.types.enabled.supported
    old = client.models.retrieve("claude-sonnet-4-5")
    assert (old.lifecycle, str(old.retires_at)[:10]) == ("deprecated", "2026-11-30")
    (retired,) = client.models.list(lifecycle=["retired"]).data
    assert retired.id == "claude-3-haiku-20240307"
    backwards = client.models.list(before_id=OPUS, limit=1)
    assert [model.id for model in backwards.data] == [SONNET]


@pytest.mark.parametrize("model", ["claude-3-haiku-20240307", "claude-none"])
def test_a_retired_model_answers_like_one_that_never_was(
    client: anthropic.Anthropic, model: str
) -> None:
    with pytest.raises(anthropic.NotFoundError) as raised:
        client.messages.create(model=model, max_tokens=10, messages=asked("hi"))
    assert (raised.value.type, raised.value.api_message) == ("not_found_error", f"model: {model}")


def test_a_setting_ends_a_model_on_a_day(
    client: anthropic.Anthropic, emulator: AnthropicEmulator
) -> None:
    emulator.set(retirements=f"{SONNET}=2026-12-01 {OLD}=2026-11-24")
    assert client.messages.create(**{**body(), "model": SONNET}).model == SONNET
    assert client.models.retrieve(SONNET).lifecycle == "deprecated"
    with pytest.raises(anthropic.NotFoundError):
        client.messages.create(**{**body(), "model": OLD})
    emulator.set(now="2026-12-01T00:00:00+00:00")
    with pytest.raises(anthropic.NotFoundError):
        client.messages.create(**{**body(), "model": SONNET})


def test_a_thought_comes_back_unchanged_or_not_at_all(client: anthropic.Anthropic) -> None:
    shown: Any = {"type": "adaptive", "display": "summarized"}
    first = client.messages.create(**body("one"), thinking=shown).to_param()
    more = {"role": "user", "content": "two"}
    good = {**body(), "messages": [*asked("one"), first, more], "thinking": shown}
    assert text_of(client.messages.create(**good)) == "You said: two"
    edited = [*asked("one and a half"), first, more]
    with pytest.raises(anthropic.BadRequestError, match="has changed"):
        client.messages.create(**{**good, "messages": edited})
    blocks = [dict(block.to_dict()) for block in first["content"]]  # type: ignore[union-attr]
    blocks[0]["thinking"] = "something else"
    forged = [*asked("one"), {"role": "assistant", "content": blocks}, more]
    with pytest.raises(anthropic.BadRequestError, match="Invalid `signature`"):
        client.messages.create(**{**good, "messages": forged})
    # Of another model it is dropped, whatever stands before it.
    other = {**good, "messages": edited, "model": SONNET}
    assert client.messages.create(**other).stop_reason == "end_turn"


async def _in_pieces(emulator: AnthropicEmulator) -> list[str]:
    async with (
        anthropic.AsyncAnthropic(
            api_key=emulator.api_key, base_url=emulator.base_url, max_retries=0
        ) as client,
        client.messages.stream(**body("one two")) as stream,
    ):
        return [text async for text in stream.text_stream]


def test_the_asynchronous_client_streams(emulator: AnthropicEmulator) -> None:
    assert asyncio.run(_in_pieces(emulator)) == ["You", " said:", " one", " two"]


def test_the_sdk_sends_its_key_as_a_bearer_token_and_the_newest_version(
    client: anthropic.Anthropic, emulator: AnthropicEmulator
) -> None:
    client.messages.create(**body())
    (seen,) = emulator.log()
    assert seen["headers"]["Authorization"] == f"Bearer {emulator.api_key}"
    assert "X-Api-Key" not in seen["headers"]
    assert seen["headers"]["Anthropic-Version"] == "2026-10-21"
    assert not [name for name in seen["headers"] if "idempot" in name.lower()]
