"""Rows of Gemini tuning: contents and parts, and pairs of scored answers."""

from __future__ import annotations

from typing import Any

import pytest

from ftkit.data import Example, Image, Message, ToolCall, load
from ftkit.data.formats import row_of
from ftkit.data.formats.google import Google
from ftkit.data.formats.google_preference import GooglePreference
from ftkit.errors import DataError


def user(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "parts": [{"text": p} if isinstance(p, str) else p for p in parts]}


def model(*parts: Any) -> dict[str, Any]:
    return {**user(*parts), "role": "model"}


ROW: dict[str, Any] = {
    "systemInstruction": {"parts": [{"text": "Route the ticket."}]},
    "contents": [user("Where is my parcel?"), model("shipping")],
}
FIND = {"functionCall": {"name": "find", "args": {"n": 7, "größe": 1.5}}}
FOUND = {"functionResponse": {"name": "find", "response": {"output": "shelf 3"}}}
FUNCTION = {"name": "find", "description": "Finds.", "parameters": {"type": "object"}}
CALLS: dict[str, Any] = {
    "contents": [user("7?"), model(FIND), user(FOUND), model("Shelf 3.")],
    "tools": [{"functionDeclarations": [FUNCTION]}],
}
PAIR: dict[str, Any] = {
    "contents": [user("Hi")],
    "completions": [
        {"score": 1.0, "completion": model("Hello")},
        {"score": 0.0, "completion": model("Go away")},
    ],
}


def faults_of(row: dict[str, Any], format: str | None = None) -> dict[str | None, str]:
    with pytest.raises(DataError) as caught:
        load([row], format=format)
    return {fault.field: fault.reason for fault in caught.value.faults}


def test_system_instruction_and_contents_become_messages() -> None:
    data = load([{**ROW, "id": 7}])
    assert (data.format, data.columns) == ("google", ("id",))
    assert data[0] == Example(
        (
            Message("system", "Route the ticket."),
            Message("user", "Where is my parcel?"),
            Message("assistant", "shipping"),
        ),
        {"id": 7},
    )


@pytest.mark.parametrize("role", [{}, {"role": "system"}, {"role": "user"}])
def test_both_spellings_of_field_names_are_read(role: dict[str, str]) -> None:
    instruction = {**ROW["systemInstruction"], **role}
    snake = {"system_instruction": instruction, "contents": ROW["contents"]}
    assert list(load([snake])) == list(load([ROW]))
    called = {
        "contents": [
            user("7?"),
            model({"function_call": FIND["functionCall"]}),
            user({"function_response": FOUND["functionResponse"]}),
            model("Shelf 3."),
        ],
        "tools": [{"function_declarations": [FUNCTION]}],
    }
    assert list(load([called])) == list(load([CALLS]))
    assert "too" in faults_of({**ROW, **snake})["system_instruction"]


def test_the_form_of_the_documentation_is_written() -> None:
    for row, format in ((ROW, Google()), (CALLS, Google()), (PAIR, GooglePreference())):
        assert row_of(load([{**row, "id": 7}])[0], format) == {**row, "id": 7}


@pytest.mark.parametrize("role", ["user", "function", "tool"])
def test_calls_get_ids_in_order_and_results_find_them(role: str) -> None:
    contents = [*CALLS["contents"]]
    contents[2] = {**contents[2], "role": role}
    (example,) = load([{**CALLS, "contents": contents}])
    assert example.messages[1].tool_calls == (ToolCall("call_0", "find", '{"n": 7, "größe": 1.5}'),)
    assert example.messages[2] == Message("tool", "shelf 3", tool_call_id="call_0")
    assert example.tools == ({"type": "function", "function": FUNCTION},)


def test_calls_made_at_once_are_told_apart_by_name_and_order() -> None:
    def call(name: str) -> dict[str, Any]:
        return {"functionCall": {"name": name, "args": {}}}

    def result(name: str, said: str) -> dict[str, Any]:
        return {"functionResponse": {"name": name, "response": {"output": said}}}

    asks = model("I look.", call("find"), call("buy"), call("find"))
    answers = user(result("buy", "b"), result("find", "f1"), result("find", "f2"), "And?")
    (example,) = load([{"contents": [user("?"), asks, answers, model("Yes.")]}])
    assert [(turn.role, turn.tool_call_id, turn.content) for turn in example.messages[2:6]] == [
        ("tool", "call_1", "b"),
        ("tool", "call_0", "f1"),
        ("tool", "call_2", "f2"),
        ("user", None, "And?"),
    ]


def test_ids_that_a_row_has_are_kept_and_not_written() -> None:
    call = {"functionCall": {**FIND["functionCall"], "id": "x"}}
    result = {"functionResponse": {**FOUND["functionResponse"], "id": "x"}}
    (example,) = load([{"contents": [user("7?"), model(call), user(result), model("So.")]}])
    assert example.messages[2].tool_call_id == "x"
    with pytest.raises(DataError) as caught:
        row_of(example, Google())
    assert "ids of tool calls other than call_0" in caught.value.faults[0].reason
    assert caught.value.faults[0].field == "messages[1].tool_calls[0].id"


@pytest.mark.parametrize(
    ("response", "text"),
    [
        ({"output": "shelf 3"}, "shelf 3"),
        ({"shelf": 3}, '{"shelf": 3}'),
        ({"output": "x", "more": 1}, '{"output": "x", "more": 1}'),
        ({"output": {"shelf": 3}}, '{"output": {"shelf": 3}}'),
        ({}, "{}"),
    ],
)
def test_a_result_is_text_or_the_json_of_an_object(response: dict[str, Any], text: str) -> None:
    result = {"functionResponse": {"name": "find", "response": response}}
    row = {"contents": [user("7?"), model(FIND), user(result), model("So.")]}
    (example,) = load([row])
    assert example.messages[2].content == text
    assert row_of(example, Google()) == row


def test_an_image_in_the_row_is_carried_and_one_in_a_bucket_is_not() -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
    row = {"contents": [user("What is this?", picture), model("A cat.")]}
    (example,) = load([row])
    assert example.messages[0].images == (Image("data:image/png;base64,aGk="),)
    assert row_of(example, Google()) == row
    web = {"fileData": {"mimeType": "image/png", "fileUri": "https://a.example/b.png"}}
    assert (
        load([{"contents": [user(web), model("x")]}])[0].messages[0].images[0].url.startswith("h")
    )
    stored = {"fileData": {"mimeType": "image/png", "fileUri": "gs://b/c.png"}}
    (reason,) = faults_of({"contents": [user(stored), model("x")]}).values()
    assert "gs://" in reason


def test_types_of_schemas_are_read_in_the_words_of_json_schema() -> None:
    google = {
        "type": "OBJECT",
        "properties": {"type": {"type": "STRING", "enum": ["STRING"]}, "n": {"type": "INTEGER"}},
    }
    declared = {"name": "find", "parameters": google}
    (example,) = load([{**CALLS, "tools": [{"functionDeclarations": [declared]}]}])
    assert example.tools[0]["function"]["parameters"] == {
        "type": "object",
        "properties": {"type": {"type": "string", "enum": ["STRING"]}, "n": {"type": "integer"}},
    }
    assert google["type"] == "OBJECT"
    plain = {"name": "find", "parametersJsonSchema": {"type": "object"}}
    (example,) = load([{**CALLS, "tools": [{"functionDeclarations": [plain]}]}])
    assert example.tools[0]["function"]["parameters"] == {"type": "object"}


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"contents": []}, "contents", "an empty list"),
        ({"contents": ["Hi"]}, "contents[0]", "must be an object"),
        ({"contents": [{"role": "assistant", "parts": []}]}, "contents[0].role", "user or model"),
        ({"contents": [{"role": "user"}]}, "contents[0].parts", "must be a list"),
        ({"contents": [user()]}, "contents[0].parts", "holds nothing"),
        ({"contents": [user(5)]}, "contents[0].parts[0]", "must be an object"),
        ({"contents": [user({"text": 5})]}, "contents[0].parts[0].text", "must be text"),
        ({"contents": [user({"x": 1})]}, "contents[0].parts[0]", "holds one of"),
        (
            {"contents": [user({"text": "x", "mediaResolution": {"level": "HIGH"}})]},
            "contents[0].parts[0].mediaResolution",
            "cannot be carried",
        ),
        ({"contents": [user(FIND)]}, "contents[0].parts[0]", "only the assistant"),
        (
            {"contents": [user("x"), model(FOUND)]},
            "contents[1].parts[0].functionResponse",
            "answers",
        ),
        ({"contents": [user("x"), model(FIND, "y")]}, "contents[1].parts[1]", "behind a call"),
        (
            {"contents": [user("x"), model(FIND), user("y", FOUND)]},
            "contents[2].parts[1]",
            "come first",
        ),
        ({"systemInstruction": "S"}, "systemInstruction", "is written"),
        ({"tools": [{"googleSearch": {}}]}, "tools[0]", "is written"),
        ({"toolConfig": {"mode": "ANY"}}, "toolConfig", "remove it"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_with_its_field(
    change: dict[str, Any], field: str, reason: str
) -> None:
    assert reason in faults_of({**ROW, **change})[field]


def test_a_pair_is_the_better_answer_and_the_rejected_one() -> None:
    data = load([PAIR])
    assert data.format == "google_preference"
    turned = load([{**PAIR, "completions": PAIR["completions"][::-1]}])
    for example in (data[0], turned[0]):
        assert (example.answer, example.rejected) == ("Hello", (Message("assistant", "Go away"),))
    assert load([PAIR], system="S")[0].system == "S"


@pytest.mark.parametrize(
    ("completions", "field", "reason"),
    [
        ([], "completions", "two scored answers"),
        (PAIR["completions"][:1], "completions", "two scored answers"),
        ([{**one, "score": 0.5} for one in PAIR["completions"]], "completions[0].score", "1.0"),
        ([{**one, "score": 1} for one in PAIR["completions"]], "completions[1].score", "1.0"),
        (
            [{"score": score, "completion": user("x")} for score in (1, 0)],
            "completions[0].completion.role",
            "model",
        ),
        (["a", "b"], "completions[0].score", "1.0"),
    ],
)
def test_a_pair_that_cannot_be_read_is_named_with_its_field(
    completions: Any, field: str, reason: str
) -> None:
    assert reason in faults_of({**PAIR, "completions": completions})[field]


def test_another_system_instruction_than_the_given_one_is_a_fault() -> None:
    with pytest.raises(DataError) as caught:
        load([ROW], system="T")
    assert caught.value.faults[0].field == "systemInstruction"
    assert load([ROW], system="Route the ticket.")[0].system == "Route the ticket."
