"""Rows of Anthropic's Messages API: a system text beside the messages, and content in typed blocks."""

from __future__ import annotations

from typing import Any

import pytest

from ftkit.data import Example, Image, Message, ToolCall, load
from ftkit.data.formats import row_of
from ftkit.data.formats.anthropic import Anthropic
from ftkit.errors import DataError

USER, ANSWER = {"role": "user", "content": "Where is 7?"}, {"role": "assistant", "content": "Here."}
ROW: dict[str, Any] = {"system": "Be brief.", "messages": [USER, ANSWER]}
USE = {"type": "tool_use", "id": "tu-1", "name": "find", "input": {"n": 7, "größe": 1.5}}
RESULT = {"type": "tool_result", "tool_use_id": "tu-1", "content": "shelf 3"}
ASKS = {"role": "assistant", "content": [{"type": "text", "text": "I look."}, USE]}
TOLD = {"role": "user", "content": [RESULT]}
TOOL = {"name": "find", "description": "Finds.", "input_schema": {"type": "object"}}
CALLS: dict[str, Any] = {"messages": [USER, ASKS, TOLD, ANSWER], "tools": [TOOL]}
PNG = {"type": "base64", "media_type": "image/png", "data": "aGk="}
WEB = {"type": "url", "url": "https://a.example/b.png"}


def picture(source: Any) -> dict[str, Any]:
    blocks = [{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]
    return {"messages": [{"role": "user", "content": blocks}, ANSWER]}


def faults_of(row: dict[str, Any]) -> dict[str | None, str]:
    with pytest.raises(DataError) as caught:
        load([row], format="anthropic")
    return {fault.field: fault.reason for fault in caught.value.faults}


def test_the_system_text_stands_beside_the_messages() -> None:
    data = load([{**ROW, "id": 7}])
    assert (data.format, data.columns) == ("anthropic", ("id",))
    system = Message("system", "Be brief.")
    turns = (system, Message("user", "Where is 7?"), Message("assistant", "Here."))
    assert data[0] == Example(turns, {"id": 7})


def test_text_may_be_blocks() -> None:
    blocks = [{"type": "text", "text": "Be "}, {"type": "text", "text": "brief."}]
    (example,) = load([{**ROW, "system": blocks}])
    assert example.messages[0] == Message("system", "Be brief.", ("Be ", "brief."))
    one = {"role": "user", "content": [{"type": "text", "text": "Where is 7?"}]}
    assert list(load([{**ROW, "messages": [one, ANSWER]}])) == list(load([ROW]))


def test_calls_and_results_keep_their_ids() -> None:
    (example,) = load([CALLS])
    call = ToolCall("tu-1", "find", '{"n": 7, "größe": 1.5}')
    assert example.messages[1] == Message("assistant", "I look.", tool_calls=(call,))
    assert example.messages[2] == Message("tool", "shelf 3", tool_call_id="tu-1")
    function = {"name": "find", "description": "Finds.", "parameters": {"type": "object"}}
    assert example.tools == ({"type": "function", "function": function},)


def test_what_the_user_says_behind_results_is_a_turn_of_its_own() -> None:
    told = {"role": "user", "content": [RESULT, {"type": "text", "text": "And 8?"}]}
    row = {**CALLS, "messages": [USER, ASKS, told, ANSWER]}
    (example,) = load([row])
    roles = [turn.role for turn in example.messages]
    assert roles == ["user", "assistant", "tool", "user", "assistant"]
    assert row_of(example, Anthropic()) == row


@pytest.mark.parametrize(
    "row", [ROW, CALLS, picture(PNG), picture(WEB)], ids=["text", "calls", "bytes", "address"]
)
def test_a_row_is_written_as_it_came(row: dict[str, Any]) -> None:
    (example,) = load([{**row, "id": 7}])
    assert row_of(example, Anthropic()) == {**row, "id": 7}


@pytest.mark.parametrize(
    ("source", "url"),
    [(PNG, "data:image/png;base64,aGk="), (WEB, "https://a.example/b.png")],
)
def test_images_are_carried(source: Any, url: str) -> None:
    assert load([picture(source)])[0].messages[0].parts == (Image(url), "What is this?")


@pytest.mark.parametrize("nothing", [{"content": None}, {"content": []}, {"content": ""}, {}])
def test_a_result_may_be_empty(nothing: dict[str, Any]) -> None:
    result = {key: RESULT[key] for key in ("type", "tool_use_id")} | nothing | {"is_error": False}
    told = {"role": "user", "content": [result]}
    (example,) = load([{**CALLS, "messages": [USER, ASKS, told, ANSWER]}])
    assert example.messages[2] == Message("tool", "", tool_call_id="tu-1")


@pytest.mark.parametrize(
    ("messages", "field", "reason"),
    [
        ([], "messages", "an empty list"),
        ([{"role": "system", "content": "S"}], "messages[0].role", "stands in 'system'"),
        ([{"role": "user"}], "messages[0].content", "must be text"),
        ([{"role": "user", "content": []}], "messages[0].content", "holds nothing"),
        ([{**USER, "name": "Ada"}], "messages[0].name", "cannot be carried"),
        (
            [{"role": "assistant", "content": [{"type": "thinking", "thinking": "x"}]}],
            "messages[0].content[0].type",
            "'thinking'",
        ),
        (
            [
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "x", "cache_control": {"type": "y"}}],
                }
            ],
            "messages[0].content[0].cache_control",
            "cannot be carried",
        ),
        (
            [USER, ASKS, {"role": "user", "content": [{**RESULT, "is_error": True}]}],
            "messages[2].content[0].is_error",
            "that a tool failed cannot be carried",
        ),
        (
            [USER, ASKS, {"role": "user", "content": [{**RESULT, "tool_use_id": "tu-2"}]}],
            "messages[2].content[0]",
            "which no earlier turn makes",
        ),
        (
            [USER, {"role": "assistant", "content": [{**USE, "input": "{}"}]}],
            "messages[1].content[0].input",
            "must be an object",
        ),
        (
            [USER, {"role": "user", "content": [USE]}],
            "messages[1].content[0]",
            "only the assistant",
        ),
        (
            [{"role": "assistant", "content": [{"type": "image", "source": PNG}]}],
            "messages[0].content[0]",
            "only a user's turn",
        ),
        (
            picture({**PNG, "media_type": "image/tiff"})["messages"],
            "messages[0].content[0].source",
            "png, jpeg, gif or webp",
        ),
        (
            picture({"type": "file", "file_id": "f"})["messages"],
            "messages[0].content[0].source",
            "base64 or url",
        ),
    ],
)
def test_a_row_that_cannot_be_read_is_named_with_its_field(
    messages: Any, field: str, reason: str
) -> None:
    assert reason in faults_of({"messages": messages})[field]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"tools": [{"name": "find"}]}, "tools[0]"),
        ({"tools": [{**TOOL, "type": "custom"}]}, "tools[0].type"),
        ({"tools": [TOOL, TOOL]}, "tools[1].name"),
        ({"tool_choice": {"type": "any"}}, "tool_choice"),
        ({"thinking": {"type": "enabled"}}, "thinking"),
        ({"system": 5}, "system"),
    ],
)
def test_a_field_beside_the_messages_that_cannot_be_carried_is_named(
    change: dict[str, Any], field: str
) -> None:
    assert field in faults_of({**CALLS, **change})


@pytest.mark.parametrize(
    ("example", "field", "reason"),
    [
        (
            Example(
                (
                    Message("user", "x"),
                    Message("assistant", "", tool_calls=(ToolCall("c", "f", '{"n":7}'),)),
                )
            ),
            "messages[1].tool_calls[0].function.arguments",
            "tool arguments in another spelling than JSON's own",
        ),
        (
            Example((Message("user", "", (Image(WEB["url"], "low"),)), Message("assistant", "x"))),
            "messages[0].content",
            "the detail of an image",
        ),
        (
            Example((Message("user", "x"), Message("assistant", "y", trained=False))),
            "messages[1].weight",
            "weights of turns",
        ),
        (
            Example(
                (Message("user", "x"), Message("assistant", "y")),
                tools=({"type": "function", "function": {"name": "f"}},),
            ),
            "tools[0]",
            "a tool without parameters",
        ),
    ],
)
def test_what_cannot_be_written_is_named_with_its_field(
    example: Example, field: str, reason: str
) -> None:
    with pytest.raises(DataError) as caught:
        row_of(example, Anthropic())
    assert (field, f"'anthropic' cannot carry {reason}") in [
        (fault.field, fault.reason) for fault in caught.value.faults
    ]
