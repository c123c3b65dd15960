"""What the emulator's models say, in chat and responses, whole and streamed, with tools and schemas."""

from __future__ import annotations

import json
from typing import Any

import openai
import pydantic
import pytest

from tests.emulators.openai import OpenAIEmulator, driving
from tests.emulators.openai.driving import BASE, Time, create, jsonl, upload

server, emulator, client, time = driving.server, driving.emulator, driving.client, driving.time


class Route(pydantic.BaseModel):
    """A schema as users write them."""

    label: str
    urgent: bool
    score: int


TOOL: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Rome"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}


def asked(text: str) -> Any:
    """A conversation of one message."""
    return [{"role": "user", "content": text}]


def tuned(client: openai.OpenAI, **fields: Any) -> str:
    """A tuned model."""
    return str(client.fine_tuning.jobs.retrieve(create(client, **fields).id).fine_tuned_model)


def test_a_tuned_model_knows_its_rows_and_a_base_does_not(client: openai.OpenAI) -> None:
    for model, answer in ((tuned(client), "answer 5"), (BASE, "You said: question 5")):
        said = client.chat.completions.create(model=model, messages=asked("question 5"))
        assert said.choices[0].message.content == answer
        assert client.responses.create(model=model, input="question 5").output_text == answer


def test_a_new_model_is_not_found_for_some_minutes(
    client: openai.OpenAI, emulator: OpenAIEmulator, time: Time
) -> None:
    emulator.set(loading_s=300)
    model = tuned(client)
    assert client.models.retrieve(model).id == model
    time.pass_(299)
    for call in (
        lambda: client.chat.completions.create(model=model, messages=asked("a")),
        lambda: client.responses.create(model=model, input="a"),
    ):
        with pytest.raises(openai.NotFoundError) as raised:
            call()
        assert raised.value.code == "model_not_found"
    time.pass_(1)
    assert client.chat.completions.create(model=model, messages=asked("a"))


def test_a_stream_has_the_words_and_then_the_usage(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model=BASE, messages=asked("one two"))
    chunks = list(
        client.chat.completions.create(
            model=BASE,
            messages=asked("one two"),
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content == "You said: one two"
    assert chunks[-1].usage == whole.usage
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]][-1] == "stop"


def test_without_asking_a_stream_has_no_usage(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(model=BASE, messages=asked("a"), stream=True)
    assert {chunk.usage for chunk in stream} == {None}


def test_a_tool_is_called_when_it_is_named_or_demanded(client: openai.OpenAI) -> None:
    for text, choice in (("please get_weather", "auto"), ("hello", "required")):
        said = client.chat.completions.create(
            model=BASE, messages=asked(text), tools=[TOOL], tool_choice=choice
        )
        (call,) = said.choices[0].message.tool_calls or ()
        assert call.type == "function"
        assert json.loads(call.function.arguments) == {"city": "Rome"}
        assert said.choices[0].finish_reason == "tool_calls"
    for text, choice in (("hello", "auto"), ("please get_weather", "none")):
        said = client.chat.completions.create(
            model=BASE, messages=asked(text), tools=[TOOL], tool_choice=choice
        )
        assert said.choices[0].message.tool_calls is None
    answered = client.chat.completions.create(
        model=BASE,
        tools=[TOOL],
        messages=[
            *asked("please get_weather"),
            {"role": "assistant", "content": None, "tool_calls": [call.to_dict()]},
            {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
        ],
    )
    assert answered.choices[0].message.tool_calls is None


def test_a_tool_call_is_streamed_in_pieces(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model=BASE, messages=asked("a"), tools=[TOOL], tool_choice="required", stream=True
    )
    calls = [call for chunk in stream for call in chunk.choices[0].delta.tool_calls or ()]
    assert len(calls) == 2
    assert json.loads(
        "".join(str(call.function and call.function.arguments) for call in calls)
    ) == {"city": "Rome"}


def test_a_schema_is_answered_by_an_instance_of_it(client: openai.OpenAI) -> None:
    said = client.chat.completions.parse(
        model=BASE, messages=asked("where?"), response_format=Route
    )
    assert said.choices[0].message.parsed == Route(label="", urgent=False, score=0)
    response = client.responses.parse(model=BASE, input="where?", text_format=Route)
    assert response.output_parsed == Route(label="", urgent=False, score=0)


def test_a_model_that_learned_json_answers_a_schema_with_what_it_learned(
    client: openai.OpenAI,
) -> None:
    route = Route(label="billing", urgent=True, score=3)
    row = {
        "messages": [*asked("where?"), {"role": "assistant", "content": route.model_dump_json()}]
    }
    model = tuned(client, file=upload(client, jsonl([row] * 10)))
    said = client.chat.completions.parse(
        model=model, messages=asked("where?"), response_format=Route
    )
    assert said.choices[0].message.parsed == route


def test_an_open_schema_is_refused_where_it_says_strict(client: openai.OpenAI) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    form: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    client.chat.completions.create(model=BASE, messages=asked("a"), response_format=form)
    form["json_schema"]["strict"] = True
    with pytest.raises(openai.BadRequestError, match="additionalProperties"):
        client.chat.completions.create(model=BASE, messages=asked("a"), response_format=form)
    schema["additionalProperties"] = False
    schema["required"] = []
    with pytest.raises(openai.BadRequestError, match="Missing 'a'"):
        client.chat.completions.create(model=BASE, messages=asked("a"), response_format=form)


def test_answers_are_scripted(client: openai.OpenAI, emulator: OpenAIEmulator) -> None:
    emulator.reply_with(
        "first", {"refusal": "I cannot."}, {"content": "x", "finish_reason": "content_filter"}
    )
    said = [
        client.chat.completions.create(model=BASE, messages=asked("a")).choices[0] for _ in range(4)
    ]
    assert [one.message.content for one in said] == ["first", None, "x", "You said: a"]
    assert said[1].message.refusal == "I cannot."
    assert said[2].finish_reason == "content_filter"


def test_an_answer_is_cut_at_its_limit_and_at_its_stop(client: openai.OpenAI) -> None:
    said = client.chat.completions.create(
        model=BASE, messages=asked("one two three"), max_completion_tokens=3
    )
    assert said.choices[0].message.content == "You said: one"
    assert said.choices[0].finish_reason == "length"
    said = client.chat.completions.create(
        model=BASE, messages=asked("one two three"), stop=[" two"]
    )
    assert said.choices[0].message.content == "You said: one"
    assert said.choices[0].finish_reason == "stop"
    response = client.responses.create(model=BASE, input="one two three", max_output_tokens=3)
    assert (response.status, response.output_text) == ("incomplete", "You said: one")


def test_images_are_taken_and_counted(client: openai.OpenAI) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    messages: Any = [
        {"role": "user", "content": [{"type": "text", "text": "what is this?"}, picture]}
    ]
    said = client.chat.completions.create(model="gpt-4o", messages=messages)
    assert said.usage is not None
    assert said.usage.prompt_tokens == 3 + 1 + 3 + 85 + 3


def test_a_response_is_streamed_event_by_event(client: openai.OpenAI) -> None:
    with client.responses.stream(model=BASE, input="one two") as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed"
    assert final.output_text == "You said: one two"
    tool: Any = {"type": "function", **TOOL["function"]}
    with client.responses.stream(model=BASE, input="get_weather", tools=[tool]) as stream:
        (call,) = stream.until_done().get_final_response().output
    assert call.type == "function_call"
    assert json.loads(call.arguments) == {"city": "Rome"}
