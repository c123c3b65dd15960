"""Tools, schemas and pictures beside a question: they reach the provider whole, and a call of a tool comes back whole.

What is dropped on the way looks like success: the model answers, only worse.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ftkit.backend import Inference
from ftkit.data.example import Image, Message, ToolCall
from ftkit.testing.conformance.subject import Subject
from ftkit.testing.conformance.work import question

ARGUMENTS = {"number": "K-1", "zürich": [1, 2.5, None]}
TOOL: Mapping[str, Any] = {
    "type": "function",
    "function": {
        "name": "find_parcel",
        "description": "Where a parcel is now.",
        "parameters": {
            "type": "object",
            "properties": {"number": {"type": "string", "description": "as on the label"}},
            "required": ["number"],
        },
    },
}
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"queue": {"type": "string", "enum": ["shipping", "billing"]}},
    "required": ["queue"],
    "additionalProperties": False,
}
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJg"
    "gg=="
)


@pytest.fixture
def say(subject: Subject) -> Callable[[Mapping[str, Any]], None]:
    """What lets the next answer be a given one, or a skip."""
    if subject.reply_with is None or subject.heard is None:
        pytest.skip("the subject cannot say what the next answer is, or what the provider heard")
    return subject.reply_with


def heard(subject: Subject) -> str:
    """The last question as the provider got it."""
    assert subject.heard is not None
    return subject.heard()


@pytest.mark.judges("tools")
def test_a_call_of_a_tool_comes_back_whole(
    inference: Inference, subject: Subject, say: Callable[[Mapping[str, Any]], None]
) -> None:
    """The provider has seen the tool's schema; name and arguments come back, and the answer says why it ended."""
    say({"tool_calls": [{"name": "find_parcel", "arguments": json.dumps(ARGUMENTS)}]})
    answer = inference.chat(inference.record(subject.base), question(tools=(TOOL,), max_tokens=64))
    for text in ("find_parcel", "Where a parcel is now.", "as on the label"):
        assert text in heard(subject)
    (call,) = answer.tool_calls
    assert call.id and call.name == "find_parcel"
    assert json.loads(call.arguments) == ARGUMENTS
    assert answer.finish_reason == "tool_calls"


@pytest.mark.judges("tools")
def test_what_a_tool_gave_goes_back_to_the_model(
    inference: Inference, subject: Subject, say: Callable[[Mapping[str, Any]], None]
) -> None:
    """The call and its result are part of the conversation."""
    say({"content": "in the van"})
    called = ToolCall("call_1", "find_parcel", json.dumps({"number": "K-17"}))
    turns = (
        Message("user", "Where is it?"),
        Message("assistant", "", tool_calls=(called,)),
        Message("tool", '{"at": "the depot of Bonn"}', tool_call_id="call_1"),
    )
    base = inference.record(subject.base)
    asked = question(tools=(TOOL,), max_tokens=64)
    answer = inference.chat(base, type(asked)(turns, asked.max_tokens, tools=asked.tools))
    assert answer.text == "in the van" and not answer.tool_calls
    assert "K-17" in heard(subject) and "the depot of Bonn" in heard(subject)


@pytest.mark.judges("schema")
def test_a_schema_reaches_the_provider_and_its_json_comes_back(
    inference: Inference, subject: Subject, say: Callable[[Mapping[str, Any]], None]
) -> None:
    """The answer is the JSON alone."""
    say({"content": '{"queue": "shipping"}'})
    asked = question(schema=SCHEMA, max_tokens=64)
    answer = inference.chat(inference.record(subject.base), asked)
    assert json.loads(answer.text) == {"queue": "shipping"}
    for text in ("queue", "billing"):
        assert text in heard(subject)


@pytest.mark.judges("images")
def test_a_picture_reaches_the_provider(
    inference: Inference, subject: Subject, say: Callable[[Mapping[str, Any]], None]
) -> None:
    """Byte for byte, between the texts that it stands between."""
    say({"content": "a dot"})
    picture = Image(f"data:image/png;base64,{PIXEL}")
    turn = Message("user", "What is it? One word.", parts=("What is it?", picture, " One word."))
    asked = question(max_tokens=64)
    answer = inference.chat(inference.record(subject.base), type(asked)((turn,), asked.max_tokens))
    assert answer.text == "a dot"
    said = heard(subject)
    assert 0 <= said.find("What is it?") < said.find(PIXEL) < said.find(" One word.")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        pytest.param("temperature", 0.71, marks=pytest.mark.judges("temperature")),
        pytest.param("top_p", 0.37, marks=pytest.mark.judges("top_p")),
        pytest.param("seed", 41927, marks=pytest.mark.judges("seed")),
    ],
)
def test_a_way_to_choose_words_reaches_the_provider(
    option: str,
    value: float,
    inference: Inference,
    subject: Subject,
    say: Callable[[Mapping[str, Any]], None],
) -> None:
    """As it was given."""
    say({"content": "a dot"})
    options: dict[str, Any] = {option: value}
    inference.chat(inference.record(subject.base), question(**options))
    assert str(value) in heard(subject)
