"""Rows with tools, images, weights and preference pairs: carried whole, judged strictly, checked for sense."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit.data import KINDS, Example, Image, Message, ToolCall, load
from ftkit.data.example import as_dicts, digest_of
from ftkit.errors import CapabilityError, DataError

USER = {"role": "user", "content": "Where is parcel 4512?"}
CALL = {
    "id": "call-1",
    "type": "function",
    "function": {"name": "find_parcel", "arguments": '{"number": 4512}'},
}
ASKS = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "call-1", "content": "in the van"}
ANSWER = {"role": "assistant", "content": "It is on its way."}
TOOL = {
    "type": "function",
    "function": {"name": "find_parcel", "parameters": {"type": "object", "properties": {}}},
}
TOOL_ROW = {"messages": [USER, ASKS, RESULT, ANSWER], "tools": [TOOL], "id": 7}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk=", "detail": "low"}}
PAIR = {
    "input": {"messages": [USER]},
    "preferred_output": [ANSWER],
    "non_preferred_output": [{"role": "assistant", "content": "No idea."}],
    "id": 8,
}


def faults_of(row: dict[str, Any]) -> dict[str | None, str]:
    with pytest.raises(DataError) as caught:
        load([row])
    return {fault.field: fault.reason for fault in caught.value.faults}


def kinds(example: Example) -> set[str]:
    return {kind for kind, belongs in KINDS.items() if belongs(example)}


# --- carried whole ---


def test_a_row_with_tools_is_carried_whole_and_written_as_it_came() -> None:
    data = load([TOOL_ROW])
    (example,) = data
    assert example.messages[1] == Message(
        "assistant", "", tool_calls=(ToolCall("call-1", "find_parcel", '{"number": 4512}'),)
    )
    assert example.messages[2] == Message("tool", "in the van", tool_call_id="call-1")
    assert (example.tools, example.fields, data.columns) == ((TOOL,), {"id": 7}, ("id",))
    assert as_dicts(example.messages) == TOOL_ROW["messages"]
    assert kinds(example) == {"tool_rows"}


def test_a_picture_keeps_its_place_between_the_words() -> None:
    parts = [{"type": "text", "text": "Is this "}, PICTURE, {"type": "text", "text": " broken?"}]
    row = {"messages": [{"role": "user", "content": parts}, ANSWER]}
    (example,) = load([row])
    picture = Image("data:image/png;base64,aGk=", "low")
    assert example.messages[0].parts == ("Is this ", picture, " broken?")
    assert example.messages[0].content == "Is this  broken?"
    assert example.messages[0].images == (picture,)
    assert as_dicts(example.messages) == row["messages"]
    assert kinds(example) == {"image_rows"}


def test_one_part_of_text_is_text() -> None:
    parts = [{"type": "text", "text": "Hi"}]
    (example,) = load([{"messages": [{"role": "user", "content": parts}, ANSWER]}])
    assert example.messages[0] == Message("user", "Hi")


def test_weights_and_names_are_carried() -> None:
    row = {"messages": [{**USER, "name": "Ada"}, {**ANSWER, "weight": 0}, USER, ANSWER]}
    (example,) = load([row])
    assert [turn.trained for turn in example.messages] == [None, False, None, None]
    assert as_dicts(example.messages) == row["messages"]
    assert kinds(example) == {"weighted_rows", "named_rows"}


def test_a_preference_pair_is_the_better_answer_and_the_rejected_one() -> None:
    data = load([PAIR])
    (example,) = data
    assert (data.format, data.columns) == ("preference", ("id",))
    assert (example.answer, example.rejected[0].content) == ("It is on its way.", "No idea.")
    assert example.prompt == (Message("user", USER["content"]),)
    assert kinds(example) == {"preference_rows"}
    assert load([PAIR], system="Be brief.")[0].system == "Be brief."


@pytest.mark.parametrize("row", [TOOL_ROW, PAIR, {"messages": [USER, {**ANSWER, "weight": 1}]}])
def test_map_keeps_all_of_a_row(row: dict[str, Any]) -> None:
    data = load([row])
    same = data.map(lambda example: example)
    assert list(same) == list(data)
    assert digest_of(same[0]) == digest_of(data[0])


def test_rows_that_teach_other_things_have_other_digests() -> None:
    rows = [
        TOOL_ROW,
        {**TOOL_ROW, "tools": []},
        {**TOOL_ROW, "parallel_tool_calls": False},
        {"messages": [USER, ANSWER]},
        {"messages": [USER, {**ANSWER, "weight": 1}]},
        {"messages": [{**USER, "name": "Ada"}, ANSWER]},
    ]
    digests = [digest_of(example) for example in load(rows)] + [digest_of(load([PAIR])[0])]
    assert len(set(digests)) == len(digests)


def test_a_file_with_tools_and_one_with_pairs_are_known_by_their_fields(tmp_path: Path) -> None:
    for name, row in (("chat", TOOL_ROW), ("preference", PAIR)):
        path = tmp_path / f"{name}.jsonl"
        path.write_text(json.dumps(row) + "\n")
        assert load(path).format == load(path, format=name).format == name


# --- judged strictly ---

BAD_CALLS: list[tuple[Any, str, str]] = [
    ("find", "", "a tool call is written"),
    ({**CALL, "id": ""}, ".id", "must be text"),
    (
        {**CALL, "function": {"name": "f", "arguments": {"n": 1}}},
        ".function.arguments",
        "json.dumps",
    ),
    ({**CALL, "function": {"name": "f", "arguments": "{"}}, ".function.arguments", "JSON text"),
    ({**CALL, "function": {"name": "f", "arguments": "[1]"}}, ".function.arguments", "JSON text"),
    ({**CALL, "function": {"arguments": "{}"}}, ".function.name", "must be text"),
]


@pytest.mark.parametrize(("call", "field", "reason"), BAD_CALLS)
def test_a_bad_tool_call_is_named_with_its_field(call: Any, field: str, reason: str) -> None:
    faults = faults_of({"messages": [USER, {**ASKS, "tool_calls": [call]}]})
    assert reason in faults[f"messages[1].tool_calls[0]{field}"]


def test_a_result_of_a_call_that_nobody_made_is_a_fault() -> None:
    faults = faults_of({"messages": [USER, {**RESULT, "tool_call_id": "call-2"}, ANSWER]})
    assert "no earlier turn makes" in faults["messages[1].tool_call_id"]


@pytest.mark.parametrize(
    ("tools", "field", "reason"),
    [
        ("find_parcel", "tools", "must be a list"),
        ([{"name": "find_parcel"}], "tools[0]", "a tool is written"),
        ([{**TOOL, "function": {"name": 5}}], "tools[0].function.name", "must be text"),
        ([TOOL, TOOL], "tools[1].function.name", "two tools named"),
        (
            [{**TOOL, "function": {"name": "f", "parameters": "x"}}],
            "tools[0].function.parameters",
            "JSON schema",
        ),
    ],
)
def test_bad_tools_are_named_with_their_field(tools: Any, field: str, reason: str) -> None:
    assert reason in faults_of({**TOOL_ROW, "tools": tools})[field]


@pytest.mark.parametrize(
    ("message", "field", "reason"),
    [
        ({**ANSWER, "content": [PICTURE]}, "image_url", "only a user's turn"),
        ({**USER, "content": [{"type": "image_url", "image_url": "x"}]}, "image_url", "with a url"),
        (
            {**USER, "content": [{"type": "image_url", "image_url": {"url": "http://x/y.png"}}]},
            "image_url.url",
            "https address",
        ),
        ({**USER, "content": [{"type": "input_audio"}]}, "type", "text or image_url"),
        ({**USER, "tool_calls": [CALL]}, None, "only the assistant"),
        ({**USER, "weight": 1}, None, "in a turn of the assistant"),
    ],
)
def test_a_bad_part_is_named_with_its_field(message: Any, field: str | None, reason: str) -> None:
    faults = faults_of({"messages": [message, ANSWER]})
    assert any(reason in said for said in faults.values())
    if field is not None:
        assert f"messages[0].content[0].{field}" in faults


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"input": "Hi"}, "input", "an object with messages"),
        ({"input": {"messages": []}}, "input.messages", "a list of messages"),
        ({"preferred_output": []}, "preferred_output", "a list of messages"),
        ({"non_preferred_output": [USER]}, "non_preferred_output", "one answer of the assistant"),
    ],
)
def test_a_bad_pair_is_named_with_its_field(change: Any, field: str, reason: str) -> None:
    assert reason in faults_of({**PAIR, **change})[field]


# --- checked for sense ---


def codes(*rows: dict[str, Any]) -> set[str]:
    return {finding.code for finding in ftkit.check([*rows]).findings}


def test_calls_in_order_are_no_finding() -> None:
    twice = {**ASKS, "tool_calls": [CALL, {**CALL, "id": "call-2"}]}
    both = [twice, {**RESULT, "tool_call_id": "call-2"}, RESULT, ANSWER]
    ending = {"messages": [USER, ASKS], "tools": [TOOL]}  # the call itself is what is learned
    found = codes(TOOL_ROW, {**TOOL_ROW, "messages": [USER, *both]}, ending)
    assert not found & {"FT101", "FT102", "FT103", "FT104"}


@pytest.mark.parametrize(
    "messages",
    [
        [USER, ASKS, ANSWER],
        [USER, ASKS, RESULT, RESULT, ANSWER],
        [USER, ASKS, RESULT, USER, ANSWER],
        [USER, ASKS, RESULT],
    ],
)
def test_calls_out_of_order_are_an_error(messages: list[Any]) -> None:
    assert "FT101" in codes({**TOOL_ROW, "messages": messages})


def test_a_tool_that_is_not_declared_and_a_pair_of_one_answer_are_errors() -> None:
    assert "FT104" in codes({**TOOL_ROW, "tools": []})
    assert "FT105" in codes({**PAIR, "non_preferred_output": [ANSWER]})
    assert "FT105" not in codes(PAIR)


def test_a_key_in_the_arguments_of_a_call_is_found() -> None:
    call = {
        **CALL,
        "function": {"name": "find_parcel", "arguments": '{"k": "sk-proj-%s"}' % ("a1B2" * 12)},
    }
    assert "FT401" in codes({**TOOL_ROW, "messages": [USER, {**ASKS, "tool_calls": [call]}]})


# --- trained only where they can be ---


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (TOOL_ROW, "cannot train tool rows"),
        ({"messages": [{**USER, "content": [PICTURE]}, ANSWER]}, "cannot train image rows"),
        ({"messages": [USER, {**ANSWER, "weight": 0}, USER, ANSWER]}, "cannot train weighted rows"),
    ],
)
def test_a_kind_that_a_backend_lacks_is_refused_with_the_row(row: dict[str, Any], why: str) -> None:
    with pytest.raises(CapabilityError, match=f"row 2: fake-runs {why}"):
        ftkit.estimate([{"messages": [USER, ANSWER]}, row], "fake-runs/tiny")


def test_pairs_and_method_must_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    from ftkit.testing import runs_backend

    able = {k: why for k, why in runs_backend._LACKS.items() if k not in ("dpo", "preference_rows")}
    monkeypatch.setattr(runs_backend, "_LACKS", able)
    with pytest.raises(DataError, match="do not fit the method lora") as caught:
        ftkit.estimate([PAIR], "fake-runs/tiny")
    assert "method='dpo'" in caught.value.faults[0].reason
    with pytest.raises(DataError, match="do not fit the method dpo") as caught:
        ftkit.estimate([{"messages": [USER, ANSWER]}], "fake-runs/tiny", method="dpo")
    assert "better and a worse one" in caught.value.faults[0].reason


def test_an_example_is_replaced_field_by_field() -> None:
    (example,) = load([TOOL_ROW])
    assert dataclasses.replace(example, tools=()).messages == example.messages
