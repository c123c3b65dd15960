"""Rows of Amazon's Converse: blocks without types, under a version of the schema."""

from __future__ import annotations

from typing import Any

import pytest

from ftkit.data import Example, Image, Message, ToolCall, load
from ftkit.data.formats import row_of
from ftkit.data.formats.bedrock import Bedrock
from ftkit.errors import DataError

VERSION = {"schemaVersion": "bedrock-conversation-2024"}


def said(role: str, *blocks: Any) -> dict[str, Any]:
    content = [{"text": one} if isinstance(one, str) else one for one in blocks]
    return {"role": role, "content": content}


ROW: dict[str, Any] = {
    **VERSION,
    "system": [{"text": "Route the ticket."}],
    "messages": [said("user", "Where is my parcel?"), said("assistant", "shipping")],
}
USE = {"toolUse": {"toolUseId": "tu-1", "name": "find", "input": {"n": 7}}}
RESULT = {"toolResult": {"toolUseId": "tu-1", "content": [{"text": "shelf 3"}]}}
SPEC = {"name": "find", "description": "Finds.", "inputSchema": {"json": {"type": "object"}}}
CALLS: dict[str, Any] = {
    **VERSION,
    "messages": [
        said("user", "7?"),
        said("assistant", "I look.", USE),
        said("user", RESULT, "And 8?"),
        said("assistant", "Shelf 3."),
    ],
    "toolConfig": {"tools": [{"toolSpec": SPEC}]},
}
PICTURE = {"image": {"format": "png", "source": {"bytes": "aGk="}}}
SEEN: dict[str, Any] = {
    **VERSION,
    "messages": [said("user", "What is this?", PICTURE), said("assistant", "A cat.")],
}


def faults_of(row: dict[str, Any]) -> dict[str | None, str]:
    with pytest.raises(DataError) as caught:
        load([row], format="bedrock")
    return {fault.field: fault.reason for fault in caught.value.faults}


def test_a_conversation_is_read() -> None:
    data = load([{**ROW, "id": 7}])
    assert (data.format, data.columns) == ("bedrock", ("id",))
    assert data[0] == Example(
        (
            Message("system", "Route the ticket."),
            Message("user", "Where is my parcel?"),
            Message("assistant", "shipping"),
        ),
        {"id": 7},
    )


@pytest.mark.parametrize("row", [ROW, CALLS, SEEN], ids=["text", "calls", "image"])
def test_a_row_is_written_as_it_came(row: dict[str, Any]) -> None:
    (example,) = load([{**row, "id": 7}])
    assert row_of(example, Bedrock()) == {**row, "id": 7}


def test_the_version_may_be_missing_where_blocks_tell_the_format() -> None:
    plain = {key: value for key, value in ROW.items() if key != "schemaVersion"}
    assert load([plain]).format == "bedrock" and list(load([plain])) == list(load([ROW]))


def test_calls_results_tools_and_images_are_carried() -> None:
    (example,) = load([CALLS])
    call = ToolCall("tu-1", "find", '{"n": 7}')
    assert example.messages[1:4] == (
        Message("assistant", "I look.", tool_calls=(call,)),
        Message("tool", "shelf 3", tool_call_id="tu-1"),
        Message("user", "And 8?"),
    )
    function = {"name": "find", "description": "Finds.", "parameters": {"type": "object"}}
    assert example.tools == ({"type": "function", "function": function},)
    assert load([SEEN])[0].messages[0].images == (Image("data:image/png;base64,aGk="),)


def test_a_result_in_json_is_its_text() -> None:
    result = {"toolResult": {"toolUseId": "tu-1", "content": [{"json": {"shelf": 3}}]}}
    turns = [
        said("user", "7?"),
        said("assistant", USE),
        said("user", result),
        said("assistant", "x"),
    ]
    assert load([{**VERSION, "messages": turns}])[0].messages[2].content == '{"shelf": 3}'


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"schemaVersion": "bedrock-conversation-2025"}, "schemaVersion", "conversation-2024"),
        ({"messages": []}, "messages", "an empty list"),
        ({"messages": [{"role": "user", "content": "x"}]}, "messages[0].content", "list of blocks"),
        ({"messages": [said("system", "x")]}, "messages[0].role", "stands in 'system'"),
        ({"messages": [said("user")]}, "messages[0].content", "holds nothing"),
        ({"messages": [said("user", {"video": {}})]}, "messages[0].content[0]", "holds one of"),
        (
            {"messages": [said("user", {"text": "x", "type": "text"})]},
            "messages[0].content[0].type",
            "cannot be carried",
        ),
        (
            {"messages": [said("assistant", {"reasoningContent": {"reasoningText": {}}})]},
            "messages[0].content[0]",
            "holds one of",
        ),
        (
            {
                "messages": [
                    said("user", "x"),
                    said("assistant", USE),
                    said("user", {"toolResult": {**RESULT["toolResult"], "status": "error"}}),
                ]
            },
            "messages[2].content[0].toolResult.status",
            "that a tool failed cannot be carried",
        ),
        (
            {
                "messages": [
                    said(
                        "user",
                        {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://b/c"}}}},
                    )
                ]
            },
            "messages[0].content[0].image.source",
            "in a bucket",
        ),
        ({"system": "S"}, "system", "list of blocks of text"),
        ({"tools": [{"name": "find"}]}, "tools", "stand in 'toolConfig'"),
        ({"toolConfig": {"tools": [{"name": "find"}]}}, "toolConfig.tools[0]", "is written"),
        (
            {"toolConfig": {"tools": [{"toolSpec": SPEC}], "toolChoice": {"any": {"x": 1}}}},
            "toolConfig.toolChoice",
            "cannot be carried",
        ),
    ],
)
def test_a_row_that_cannot_be_read_is_named_with_its_field(
    change: dict[str, Any], field: str, reason: str
) -> None:
    assert reason in faults_of({**ROW, **change})[field]


def test_turns_out_of_order_are_not_written() -> None:
    example = Example((Message("user", "a"), Message("user", "b"), Message("assistant", "c")))
    with pytest.raises(DataError) as caught:
        row_of(example, Bedrock())
    assert caught.value.faults[0].field == "messages[1].role"
