"""Rows as they are found in the wild: what each shape becomes, and what is refused with its field."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ftkit.data import Example, Message, ToolCall, load
from ftkit.data.formats import Alpaca, Chat, row_of
from ftkit.errors import ConfigError, DataError, Fault

USER, ANSWER = Message("user", "Hi"), Message("assistant", "Hello")
CHAT_USER, CHAT_ANSWER = (
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Hello"},
)
ALPACA: dict[str, Any] = {"instruction": "Hi", "input": "", "output": "Hello"}
SAID = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]
SHAREGPT: dict[str, Any] = {"conversations": SAID}
CHOICE: dict[str, Any] = {"prompt": "Hi", "chosen": "Hello", "rejected": "Go away"}
CALL = {"from": "function_call", "value": '{"name": "find", "arguments": {"n": "ö"}}'}
RESULT = {"from": "observation", "value": "shelf 3"}


def fault_of(row: dict[str, Any], **options: str) -> Fault:
    with pytest.raises(DataError) as caught:
        load([row], **options)  # type: ignore[arg-type]
    (fault,) = caught.value.faults
    assert fault.row == 1
    return fault


@pytest.mark.parametrize(
    ("row", "format", "reason"),
    [
        (ALPACA, "alpaca", "has 'instruction' and 'output'"),
        (SHAREGPT, "sharegpt", "has 'conversations'"),
        (CHOICE, "chosen_rejected", "has 'chosen' and 'rejected'"),
    ],
)
def test_a_format_is_detected_and_says_why(row: dict[str, Any], format: str, reason: str) -> None:
    data = load([{**row, "id": 7}] * 3)
    assert (data.format, data.detected) == (format, f"each of 3 rows {reason}")
    assert data.columns == ("id",) and data[0].fields == {"id": 7}
    assert load([row], format=format).detected == "the options name it"
    assert list(load([row], format=format)) == list(load([row]))


def test_a_tie_names_both_formats_with_their_reasons() -> None:
    with pytest.raises(DataError) as caught:
        load([{**ALPACA, **SHAREGPT}])
    for part in ("'alpaca': a row has 'instruction'", "'sharegpt': a row has 'conversations'"):
        assert part in caught.value.message
    assert load([{**ALPACA, **SHAREGPT}], format="alpaca").columns == ("conversations",)


@pytest.mark.parametrize("format", ["alpaca", "sharegpt", "chosen_rejected"])
def test_columns_by_name_belong_to_prompt_and_completion_alone(format: str) -> None:
    with pytest.raises(ConfigError, match="name columns of the format 'prompt_completion'"):
        load([ALPACA], format=format, prompt="instruction")
    data = load([ALPACA], prompt="instruction", completion="output")
    assert data.format == "prompt_completion" and data.columns == ("input",)


@pytest.mark.parametrize("row", [ALPACA, SHAREGPT, CHOICE])
def test_a_system_message_is_added_where_there_is_none(row: dict[str, Any]) -> None:
    data = load([row], system="Be kind.")
    assert data[0].system == "Be kind." and data.sha256 != load([row]).sha256


# --- alpaca ---


def test_instruction_and_input_are_one_question() -> None:
    row = {**ALPACA, "input": "a table", "system": "S", "history": [["q", "a"]]}
    (example,) = load([row])
    assert [(turn.role, turn.content) for turn in example.messages] == [
        ("system", "S"),
        ("user", "q"),
        ("assistant", "a"),
        ("user", "Hi\na table"),
        ("assistant", "Hello"),
    ]


@pytest.mark.parametrize("nothing", [{}, {"input": None, "system": "", "history": []}])
def test_alpaca_fields_that_say_nothing_add_nothing(nothing: dict[str, Any]) -> None:
    assert load([{"instruction": "Hi", "output": "Hello", **nothing}])[0].messages == (USER, ANSWER)


def test_alpaca_columns_can_still_be_grouped_by() -> None:
    assert load([ALPACA]).values("instruction") == ["Hi"]


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"output": None}, "output", "must be text, is null"),
        ({"input": 5}, "input", "must be text, is a number"),
        ({"system": ["S"]}, "system", "must be text"),
        ({"history": "Hi"}, "history", "list of pairs"),
        ({"history": [["q"]]}, "history[0]", "a pair"),
        ({"history": [["q", 1]]}, "history[0][1]", "must be text"),
        ({"images": ["a.png"]}, "images", "cannot carry 'images'"),
    ],
)
def test_an_alpaca_row_that_cannot_be_read_is_named_with_its_field(
    change: dict[str, Any], field: str, reason: str
) -> None:
    fault = fault_of({**ALPACA, **change})
    assert fault.field == field and reason in fault.reason


# --- sharegpt ---


@pytest.mark.parametrize(
    ("human", "gpt"), [("human", "gpt"), ("user", "assistant"), ("user", "model")]
)
def test_the_dialects_of_roles_are_the_same_conversation(human: str, gpt: str) -> None:
    said = [{"from": human, "value": "Hi"}, {"from": gpt, "value": "Hello"}]
    assert load([{"conversations": said}])[0].messages == (USER, ANSWER)
    assert load([{"conversations": [CHAT_USER, CHAT_ANSWER]}])[0].messages == (USER, ANSWER)


def test_a_system_text_stands_beside_the_conversation_or_in_it() -> None:
    inside = [{"from": "system", "value": "S"}, *SAID]
    assert load([{**SHAREGPT, "system": "S"}])[0] == load([{"conversations": inside}])[0]
    assert load([{"conversations": inside, "system": "S"}])[0].system == "S"
    assert "another system message" in fault_of({"conversations": inside, "system": "T"}).reason
    assert "another system message" in fault_of({**SHAREGPT, "system": "S"}, system="T").reason


def test_calls_without_ids_get_some_and_results_find_them() -> None:
    tools = [{"name": "find", "parameters": {"type": "object"}}]
    row = {"conversations": [SAID[0], CALL, RESULT, SAID[1]], "tools": json.dumps(tools)}
    (example,) = load([row])
    assert example.tools == ({"type": "function", "function": tools[0]},)
    assert example.messages[1].tool_calls == (ToolCall("call_0", "find", '{"n": "ö"}'),)
    assert example.messages[2] == Message("tool", "shelf 3", tool_call_id="call_0")
    assert load([{**row, "tools": tools}])[0] == example


TWO = {"from": "function_call", "value": json.dumps([json.loads(CALL["value"])] * 2)}


def test_two_calls_at_once_have_two_results_in_their_order() -> None:
    (example,) = load([{"conversations": [SAID[0], TWO, RESULT, RESULT, SAID[1]]}])
    assert [turn.tool_call_id for turn in example.messages[2:4]] == ["call_0", "call_1"]


@pytest.mark.parametrize(
    ("said", "field", "reason"),
    [
        ([], "conversations", "an empty list"),
        ([SAID[0], {"from": "gtp", "value": "x"}], "conversations[1].from", "did you mean 'gpt'"),
        ([SAID[0], {"from": "gpt"}], "conversations[1].value", "missing"),
        ([SAID[0], {**SAID[1], "loss": 0}], "conversations[1].loss", "unknown field"),
        ([SAID[0], RESULT], "conversations[1].value", "the result of no call"),
        ([TWO, RESULT, SAID[1]], "conversations[2].value", "before each of the calls"),
        ([{**CALL, "value": "find"}], "conversations[0].value", "JSON text"),
        ([{**CALL, "value": '{"name": "f", "arguments": [1]}'}], "conversations[0].value", "JSON"),
        (
            [{**CALL, "value": '{"name": "f", "arguments": {"a": 1, "a": 2}}'}],
            "conversations[0].value",
            "a key twice",
        ),
    ],
)
def test_a_sharegpt_turn_that_cannot_be_read_is_named_with_its_field(
    said: list[Any], field: str, reason: str
) -> None:
    fault = fault_of({"conversations": said})
    assert fault.field == field and reason in fault.reason


def test_pictures_beside_a_conversation_are_refused() -> None:
    assert fault_of({**SHAREGPT, "images": ["a.png"]}).field == "images"


# --- chosen and rejected ---

BETTER, WORSE = CHAT_ANSWER, {"role": "assistant", "content": "Go away"}


@pytest.mark.parametrize(
    "row",
    [
        CHOICE,
        {"prompt": [CHAT_USER], "chosen": [BETTER], "rejected": [WORSE]},
        {"prompt": "Hi", "chosen": [BETTER], "rejected": "Go away"},
        {"chosen": [CHAT_USER, BETTER], "rejected": [CHAT_USER, WORSE]},
        {"prompt": "Hi", "chosen": [CHAT_USER, BETTER], "rejected": [CHAT_USER, WORSE]},
    ],
)
def test_a_pair_is_the_same_in_all_its_shapes(row: dict[str, Any]) -> None:
    expected = Example((USER, ANSWER), rejected=(Message("assistant", "Go away"),))
    assert list(load([row])) == [expected]


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ({"chosen": "a", "rejected": "b"}, "prompt", "missing"),
        ({**CHOICE, "prompt": 5}, "prompt", "a number"),
        ({**CHOICE, "rejected": None}, "rejected", "must be text or a list"),
        ({**CHOICE, "chosen": [CHAT_USER]}, "chosen", "must end in an answer"),
        ({"chosen": [CHAT_USER, BETTER], "rejected": [WORSE]}, "rejected", "the same turns"),
        (
            {"prompt": "Ho", "chosen": [CHAT_USER, BETTER], "rejected": [CHAT_USER, WORSE]},
            "prompt",
            "not what the answers begin with",
        ),
    ],
)
def test_a_pair_that_cannot_be_read_is_named_with_its_field(
    row: dict[str, Any], field: str, reason: str
) -> None:
    fault = fault_of(row)
    assert fault.field == field and reason in fault.reason


# --- written ---


def test_a_refusal_names_each_field_that_the_format_cannot_carry() -> None:
    named = Example((Message("user", "Hi", name="Ada"), ANSWER), parallel_tool_calls=False)
    with pytest.raises(DataError, match="cannot be written as 'alpaca'") as caught:
        row_of(named, Alpaca())
    assert [(fault.field, fault.reason) for fault in caught.value.faults] == [
        ("parallel_tool_calls", "'alpaca' cannot carry the setting parallel_tool_calls"),
        ("messages[0].name", "'alpaca' cannot carry names of speakers"),
    ]


def test_a_column_that_would_be_read_as_part_of_the_row_is_refused() -> None:
    with pytest.raises(DataError) as caught:
        row_of(Example((USER, ANSWER), {"history": [["a", "b"]]}), Alpaca())
    assert caught.value.faults[0].field == "history"
    assert row_of(Example((USER, ANSWER), {"history": 1}), Chat())["history"] == 1
