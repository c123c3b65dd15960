"""The suite's tests of tools, schemas and pictures: an honest model passes them, and each forgetful one is caught."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

import pytest

from ftkit.backend import Answer, Call, ModelRecord, Usage
from ftkit.data.example import ToolCall
from ftkit.testing.conformance import Subject, test_options

WAYS = "test_a_way_to_choose_words_reaches_the_provider"
CHECKS: Mapping[str, Callable[..., None]] = {
    name: check
    for name, check in vars(test_options).items()
    if name.startswith("test_") and name != WAYS
}


class Model:
    """Says what it is told to say, and keeps what it was asked."""

    def __init__(self, spoiled: str = "") -> None:
        self._spoiled = spoiled
        self._next: Mapping[str, Any] = {}
        self._asked = ""

    def reply_with(self, answer: Mapping[str, Any]) -> None:
        self._next = answer

    def heard(self) -> str:
        return self._asked

    def record(self, native: str) -> ModelRecord:
        return ModelRecord("model", native, native)

    def chat(self, record: ModelRecord, call: Call) -> Answer:
        match self._spoiled:
            case "drops tools":
                call = replace(call, tools=())
            case "drops descriptions":
                call = replace(call, tools=tuple(_bare(tool) for tool in call.tools))
            case "drops results":
                call = replace(call, messages=call.messages[:1])
            case "drops schemas":
                call = replace(call, schema=None)
            case "drops pictures":
                turns = tuple(replace(turn, parts=()) for turn in call.messages)
                call = replace(call, messages=turns)
            case "moves pictures to the end":
                turns = tuple(
                    replace(turn, parts=(*turn.parts[::2], *turn.parts[1::2]))
                    for turn in call.messages
                )
                call = replace(call, messages=turns)
        turns = tuple(replace(turn, content="") if turn.parts else turn for turn in call.messages)
        self._asked = json.dumps(asdict(replace(call, messages=turns)), ensure_ascii=False)
        calls = tuple(
            ToolCall("call_1", one["name"], self._arguments(one["arguments"]))
            for one in self._next.get("tool_calls", ())
        )
        reason = "tool_calls" if calls and self._spoiled != "ends without a reason" else "stop"
        text = self._next.get("content", "")
        if self._spoiled == "talks around its JSON" and call.schema:
            text = f"Here it is: {text}"
        return Answer(text, reason, Usage(1, 1), tool_calls=calls)

    def _arguments(self, text: str) -> str:
        return "{}" if self._spoiled == "drops arguments" else text


def failing(spoiled: str) -> set[str]:
    model, failed = Model(spoiled), set()
    subject = Subject("model", {}, "base", reply_with=model.reply_with, heard=model.heard)
    for name, check in CHECKS.items():
        try:
            check(model, subject, model.reply_with)
        except (AssertionError, ValueError):  # a text that is no JSON is one
            failed.add(name)
    return failed


def test_an_honest_model_passes() -> None:
    assert len(CHECKS) == 4 and failing("") == set()


@pytest.mark.parametrize(
    ("spoiled", "seen_by"),
    [
        ("drops tools", "test_a_call_of_a_tool_comes_back_whole"),
        ("drops descriptions", "test_a_call_of_a_tool_comes_back_whole"),
        ("drops arguments", "test_a_call_of_a_tool_comes_back_whole"),
        ("ends without a reason", "test_a_call_of_a_tool_comes_back_whole"),
        ("drops results", "test_what_a_tool_gave_goes_back_to_the_model"),
        ("drops schemas", "test_a_schema_reaches_the_provider_and_its_json_comes_back"),
        ("talks around its JSON", "test_a_schema_reaches_the_provider_and_its_json_comes_back"),
        ("drops pictures", "test_a_picture_reaches_the_provider"),
        ("moves pictures to the end", "test_a_picture_reaches_the_provider"),
    ],
)
def test_a_forgetful_model_is_caught(spoiled: str, seen_by: str) -> None:
    assert failing(spoiled) == {seen_by}


@pytest.mark.parametrize("option", ["temperature", "top_p", "seed"])
def test_a_model_that_is_deaf_to_an_option_is_caught(option: str) -> None:
    model = Model()
    subject = Subject("model", {}, "base", reply_with=model.reply_with, heard=model.heard)
    check = getattr(test_options, WAYS)
    check(option, 0.713, model, subject, model.reply_with)
    deaf = replace(subject, heard=lambda: model.heard().replace("0.713", "1.0"))
    with pytest.raises(AssertionError):
        check(option, 0.713, model, deaf, model.reply_with)


def _bare(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**tool, "function": {**tool["function"], "description": "", "parameters": {}}}
