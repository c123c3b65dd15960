"""OpenAI's old functions in chat rows: read as tools, told in `detected`, and refused where the meaning is not certain."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ftkit.data import load
from ftkit.errors import DataError

USER, ANSWER = {"role": "user", "content": "Where is 7?"}, {"role": "assistant", "content": "Here."}
FUNCTION = {"name": "find", "description": "Finds.", "parameters": {"type": "object"}}
CALL = {"name": "find", "arguments": '{"n":7}'}
ASKS = {"role": "assistant", "content": None, "function_call": CALL}
RESULT = {"role": "function", "name": "find", "content": "shelf 3"}
OLD = {"messages": [USER, ASKS, RESULT, ASKS, RESULT, ANSWER], "functions": [FUNCTION], "id": 7}


def todays(id: str) -> list[dict[str, Any]]:
    call = {"id": id, "type": "function", "function": CALL}
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": id, "content": "shelf 3"},
    ]


NEW = {
    "messages": [USER, *todays("call_0"), *todays("call_1"), ANSWER],
    "tools": [{"type": "function", "function": FUNCTION}],
    "id": 7,
}


def faults_of(row: dict[str, Any]) -> dict[str | None, str]:
    with pytest.raises(DataError) as caught:
        load([row])
    return {fault.field: fault.reason for fault in caught.value.faults}


def test_old_functions_are_todays_tools_with_ids_in_order() -> None:
    data = load([OLD])
    assert list(data) == list(load([NEW])) and data.columns == ("id",)
    assert data.format == "chat" and "'functions', OpenAI's old shape, is read" in data.detected
    assert "functions" not in load([NEW]).detected


def test_the_row_itself_stays_as_it_is() -> None:
    before = copy.deepcopy(OLD)
    load([OLD])
    assert before == OLD


def test_the_note_stands_there_too_where_the_format_is_named() -> None:
    assert load([OLD], format="chat").detected.startswith("the options name it; 'functions'")


@pytest.mark.parametrize("nothing", [None, [], {}])
def test_empty_fields_of_the_old_shape_say_nothing(nothing: Any) -> None:
    row = {"messages": [USER, {**ANSWER, "function_call": nothing}], "functions": nothing}
    (example,) = load([row])
    assert (example.tools, example.fields, example.answer) == ((), {}, "Here.")


def test_a_call_that_is_to_be_learned_needs_no_result() -> None:
    (example,) = load([{**OLD, "messages": [USER, ASKS]}])
    assert example.messages[1].tool_calls[0].arguments == '{"n":7}'


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"functions": "find"}, "functions", "must be a list"),
        ({"functions": [{"name": 5}]}, "tools[0].function.name", "must be text"),
        ({"tools": NEW["tools"]}, "functions", "beside 'tools'"),
        ({"function_call": "auto"}, "function_call", "old shape"),
        ({"messages": [USER, RESULT, ANSWER]}, "messages[1].role", "no call before it"),
        (
            {"messages": [USER, ASKS, {**RESULT, "name": "buy"}, ANSWER]},
            "messages[2].role",
            "no call before it",
        ),
        (
            {"messages": [USER, ASKS, RESULT, RESULT, ANSWER]},
            "messages[3].role",
            "no call before it",
        ),
        (
            {"messages": [USER, {**ASKS, "function_call": "find"}]},
            "messages[1].function_call",
            "is written",
        ),
        (
            {"messages": [{**USER, "function_call": CALL}, ANSWER]},
            "messages[0].function_call",
            "of the assistant",
        ),
        (
            {"messages": [USER, ASKS, RESULT, *todays("call_0"), ANSWER]},
            "messages[3].tool_calls",
            "not both",
        ),
        (
            {"messages": [USER, {**ASKS, "function_call": {**CALL, "arguments": "{"}}]},
            "messages[1].tool_calls[0].function.arguments",
            "JSON text",
        ),
    ],
)
def test_what_is_not_certain_is_refused_with_its_field(
    change: dict[str, Any], field: str, reason: str
) -> None:
    assert reason in faults_of({**OLD, **change})[field]
