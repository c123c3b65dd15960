"""The shapes of rows: how each is known, what it carries, and what is refused instead of dropped."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ftkit.data import Example, Message, load
from ftkit.errors import ConfigError, DataError, Fault

USER, ANSWER = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}
CHAT: dict[str, Any] = {"messages": [USER, ANSWER]}
PAIR: dict[str, Any] = {"prompt": "Hi", "completion": "Hello"}


def faults_of(rows: list[Any], **options: str) -> tuple[Fault, ...]:
    with pytest.raises(DataError) as caught:
        load(rows, **options)  # type: ignore[arg-type]
    return caught.value.faults


def test_a_chat_row_becomes_messages_and_fields() -> None:
    system = {"role": "system", "content": "Be brief."}
    (example,) = load([{"id": 7, "messages": [system, USER, ANSWER]}])
    assert example == Example(
        (
            Message("system", "Be brief."),
            Message("user", "Hi"),
            Message("assistant", "Hello"),
        ),
        {"id": 7},
    )


def test_the_developer_role_is_read_as_system() -> None:
    (example,) = load([{"messages": [{"role": "developer", "content": "x"}, USER, ANSWER]}])
    assert example.system == "x"


def test_a_prompt_and_a_completion_are_kept_verbatim() -> None:
    (example,) = load([{"prompt": " Hi \n", "completion": "\tHello ", "lang": "en"}])
    assert example == Example(
        (Message("user", " Hi \n"), Message("assistant", "\tHello ")), {"lang": "en"}
    )


def test_columns_are_read_under_any_names_and_in_any_container(tmp_path: Path) -> None:
    rows = [{"q": "Hi", "a": "Hello", "id": "1"}]
    (tmp_path / "r.jsonl").write_text(json.dumps(rows[0]))
    (tmp_path / "r.json").write_text(json.dumps(rows))
    (tmp_path / "r.csv").write_text("q,a,id\nHi,Hello,1\n")
    for source in (rows, tmp_path / "r.jsonl", str(tmp_path / "r.json"), tmp_path / "r.csv"):
        data = load(source, prompt="q", completion="a")
        assert data[0].answer == "Hello" and data.columns == ("id",)
        assert data.format == "prompt_completion"


def test_a_csv_file_may_hold_messages_as_json(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    cell = json.dumps([USER, ANSWER]).replace('"', '""')
    path.write_text(f'messages\n"{cell}"\n')
    assert load(path)[0].answer == "Hello"
    path.write_text('messages\n"[{"\n')
    with pytest.raises(DataError, match="the cell must hold JSON"):
        load(path)
    path.write_text("messages\nplain text\n")
    with pytest.raises(DataError, match="must be a list of messages, is text"):
        load(path)


MESSAGE_FAULTS: list[tuple[Any, str, str]] = [
    ("Hi", "messages[1]", "must be an object, is text"),
    ({"content": "x"}, "messages[1].role", "missing"),
    ({"role": 5, "content": "x"}, "messages[1].role", "must be text, is a number"),
    ({"role": "asistant", "content": "x"}, "messages[1].role", "did you mean 'assistant'"),
    ({"role": "tool", "content": "x"}, "messages[1].tool_call_id", "names the call"),
    ({"role": "function", "content": "x"}, "messages[1].role", "write 'tool'"),
    ({"role": "assistant"}, "messages[1].content", "missing"),
    ({"role": "assistant", "content": None}, "messages[1].content", "must be text, is null"),
    ({"role": "assistant", "content": 5}, "messages[1].content", "must be text, is a number"),
    ({**ANSWER, "content": [{"type": "text"}]}, "messages[1].content[0].text", "must be text"),
    ({**ANSWER, "content": []}, "messages[1].content", "empty list"),
    ({**ANSWER, "function_call": {"x": 1}}, "messages[1].function_call", "is written {'name'"),
    ({**ANSWER, "tool_call_id": "1"}, "messages[1].tool_call_id", "only a tool's turn"),
    ({**ANSWER, "name": 5}, "messages[1].name", "must be text"),
    ({**ANSWER, "weight": 2}, "messages[1].weight", "0 or 1"),
    ({**ANSWER, "reasoning_content": "x"}, "messages[1].reasoning_content", "not supported yet"),
    ({**ANSWER, "contents": "x"}, "messages[1].contents", "did you mean 'content'"),
]


@pytest.mark.parametrize(("message", "field", "reason"), MESSAGE_FAULTS)
def test_a_message_that_cannot_be_carried_is_named_with_its_field(
    message: Any, field: str, reason: str
) -> None:
    (fault,) = faults_of([CHAT, {"messages": [USER, message]}])
    assert (fault.row, fault.field) == (2, field)
    assert reason in fault.reason


@pytest.mark.parametrize("key", ["tool_choice", "function_call", "weight"])
def test_a_chat_row_with_something_that_cannot_be_carried_is_refused(key: str) -> None:
    (fault,) = faults_of([{**CHAT, key: [{"x": 1}]}])
    assert fault.field == key


def test_fields_that_say_nothing_are_no_fault() -> None:
    """Table formats fill missing fields with null."""
    (example,) = load(
        [{"messages": [USER, {**ANSWER, "tool_calls": None, "name": None}], "tools": []}]
    )
    assert example.answer == "Hello"


@pytest.mark.parametrize("messages", [[], None, "Hi", {"role": "user"}])
def test_messages_must_be_a_list_that_is_not_empty(messages: Any) -> None:
    (fault,) = faults_of([{"messages": messages}])
    assert fault.field == "messages" and "must be a list of messages" in fault.reason


@pytest.mark.parametrize("completion", [{"intent": "x"}, ["x"]])
def test_a_completion_that_is_an_object_is_told_to_be_dumped(completion: Any) -> None:
    (fault,) = faults_of([PAIR, {"prompt": "x", "completion": completion}])
    assert (fault.row, fault.field) == (2, "completion") and "json.dumps" in fault.reason


@pytest.mark.parametrize("value", [5, None, True])
def test_a_completion_that_is_no_text_is_refused(value: Any) -> None:
    (fault,) = faults_of([{"prompt": "x", "completion": value}])
    assert fault.field == "completion" and "must be text" in fault.reason


def test_tools_beside_a_prompt_are_refused_but_a_text_column_of_that_name_is_not() -> None:
    assert faults_of([{**PAIR, "tools": [{"name": "x"}]}])[0].field == "tools"
    assert load([{**PAIR, "tools": "hammer"}]).columns == ("tools",)


def test_the_format_is_the_one_that_most_rows_fit() -> None:
    assert load([{**CHAT, "prompt": "x"}, CHAT]).format == "chat"
    (fault,) = faults_of([CHAT, CHAT, PAIR])
    assert (fault.row, fault.field) == (3, "messages")


def test_rows_of_another_format_are_all_counted_though_not_all_are_kept() -> None:
    """Once a thousand faults are kept, rows that lack the fields of a format are not looked at, only counted."""
    broken = {"messages": [{"role": "user"}]}
    with pytest.raises(DataError, match=r"3,002 of 7,002 rows .*2,002 more are not") as caught:
        load([broken, *[CHAT] * 4_000, *[PAIR] * 3_000, broken])
    assert [fault.row for fault in caught.value.faults] == [1, *range(4_002, 5_001)]


def test_columns_without_end_are_refused_by_the_row_at_which_they_are_too_many() -> None:
    rows = [{**PAIR, **{f"c{row}-{n}": 1 for n in range(200)}} for row in range(60)]
    assert len(load(rows[:49]).columns) == 9_800
    (fault,) = faults_of(rows)
    assert fault.row == 50 and "more than 10,000 different columns" in fault.reason


def test_a_tie_between_formats_names_both_and_the_option() -> None:
    both = {**CHAT, **PAIR}
    for rows in ([both, both], [CHAT, PAIR]):
        with pytest.raises(DataError, match="'chat' and 'prompt_completion' equally.*format="):
            load(rows)
    assert load([both], format="chat").columns == ("prompt", "completion")
    assert load([both], format="prompt_completion").columns == ("messages",)


def test_rows_of_no_known_format_are_answered_with_their_columns(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("text,label\na,b\n")
    with pytest.raises(DataError, match=r"columns text, label; pass prompt= and completion="):
        load(path)


def test_an_unknown_column_is_answered_with_the_nearest_one(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("text,category\na,b\n")
    with pytest.raises(DataError, match="no column 'categroy'; did you mean 'category'"):
        load(path, prompt="text", completion="categroy")


def test_a_column_that_some_rows_lack_is_a_fault_of_those_rows() -> None:
    (fault,) = faults_of([{"q": "a", "a": "b"}, {"q": "a"}], prompt="q", completion="a")
    assert (fault.row, fault.field) == (2, "a")


def test_a_system_message_is_added_where_there_is_none() -> None:
    own = {"messages": [{"role": "system", "content": "S"}, USER, ANSWER]}
    data = load([CHAT, own], system="S")
    assert [example.system for example in data] == ["S", "S"]
    assert [len(example.messages) for example in data] == [3, 3]
    assert load([PAIR], system="S")[0].system == "S"


def test_another_system_message_than_the_given_one_is_a_fault() -> None:
    other = {"messages": [{"role": "developer", "content": "T"}, USER, ANSWER]}
    (fault,) = faults_of([CHAT, other], system="S")
    assert (fault.row, fault.field) == (2, "messages[0].content")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "chatt"}, "did you mean 'chat'"),
        ({"format": "chat", "prompt": "q"}, "name columns of the format 'prompt_completion'"),
        ({"prompt": "q", "completion": "q"}, "the same column 'q'"),
        ({"system": "a\0"}, "system=: the text has a NUL"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load([PAIR], **options)  # type: ignore[arg-type]


def test_a_loaded_data_set_comes_back_as_it_is_and_takes_no_options() -> None:
    data = load([PAIR])
    assert load(data) is data
    with pytest.raises(ConfigError, match="is loaded already"):
        load(data, system="S")


class Table:
    """What a Hugging Face data set looks like from outside."""

    def __init__(self, rows: list[dict[str, Any]], names: Any) -> None:
        self.rows, self.column_names = rows, names

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)


def test_a_hugging_face_data_set_is_read_by_its_rows() -> None:
    data = load(Table([{"text": "a", "intent": "b", "n": 1}], ["text", "intent", "n"]),
                prompt="text", completion="intent")  # fmt: skip
    assert data[0].answer == "b" and data.columns == ("n",)


def test_several_splits_at_once_are_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"several splits \(train, test\)"):
        load(Table([], {"train": ["a"], "test": ["a"]}))


def test_other_things_are_refused_with_what_load_takes() -> None:
    with pytest.raises(ConfigError, match="not int"):
        load(5)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="has no rows"):
        load([])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "nan is not JSON"),
        (datetime.date(2026, 1, 1), "a Python date cannot be written"),
        ("\ud800", "half of a surrogate pair"),
        ("a\0", "NUL"),
        ({1: "x"}, "the key 1 must be text"),
        (10**1001, "digits"),
    ],
)
def test_a_value_that_json_cannot_hold_is_named_and_never_converted(
    value: Any, reason: str
) -> None:
    (fault,) = faults_of([PAIR, {**PAIR, "x": {"y": [value]}}])
    assert fault.row == 2 and fault.field == "x.y[0]" and reason in fault.reason


def test_a_row_that_contains_itself_is_refused() -> None:
    row: dict[str, Any] = {**PAIR}
    row["self"] = row
    assert "nested deeper" in faults_of([row])[0].reason


def test_a_row_that_is_no_dict_is_named() -> None:
    (fault,) = faults_of([PAIR, ["a", "b"]])
    assert fault.row == 2 and "must be a dict, this is a list" in fault.reason


def test_later_changes_of_the_given_rows_change_nothing() -> None:
    rows = [dict(PAIR)]
    data = load(rows)
    rows[0]["completion"] = "other"
    assert data[0].answer == "Hello"


def test_a_real_hugging_face_data_set_gives_the_same_rows_as_its_list() -> None:
    datasets = pytest.importorskip("datasets", reason="needs the extra 'hf'")
    rows = [{"text": f"where is {n}", "label": "shipping", "id": n} for n in range(3)]
    columns = {"prompt": "text", "completion": "label"}
    data = load(datasets.Dataset.from_list(rows), **columns)
    assert [e.messages for e in data] == [e.messages for e in load(rows, **columns)]
    assert [e.fields for e in data] == [{"id": n} for n in range(3)]
    with pytest.raises(DataError, match="several splits"):
        load(datasets.DatasetDict({"train": datasets.Dataset.from_list(rows)}), **columns)
