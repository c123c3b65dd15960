"""Which format a file has where several have the same fields: by marks in its rows, and an error where these disagree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ftkit.data import Example, Message, load
from ftkit.data.formats import ALIASES, FORMATS, NAMES, Format, row_of
from ftkit.errors import ConfigError, DataError

USER, ANSWER = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}
EITHER: dict[str, Any] = {"messages": [USER, ANSWER]}
CHAT: dict[str, Any] = {"messages": [{"role": "system", "content": "S"}, USER, ANSWER]}
SYSTEM: dict[str, Any] = {**EITHER, "system": "S"}
USE = {"type": "tool_use", "id": "t", "name": "find", "input": {}}
BLOCKS: dict[str, Any] = {"messages": [USER, {"role": "assistant", "content": [USE]}]}
UNTYPED = [{"role": "user", "content": [{"text": "Hi"}]}]
BEDROCK: dict[str, Any] = {
    "messages": [*UNTYPED, {"role": "assistant", "content": [{"text": "Hello"}]}]
}
PAIR: dict[str, Any] = {"prompt": "Hi", "completion": "Hello"}
TRANSCRIPT: dict[str, Any] = {"prompt": "\n\nHuman: Hi\n\nAssistant:", "completion": " Hello"}


def error_of(*rows: dict[str, Any], **options: str) -> str:
    with pytest.raises(DataError) as caught:
        load([*rows], **options)  # type: ignore[arg-type]
    return caught.value.message


@pytest.mark.parametrize("format", FORMATS, ids=lambda one: f"{one.name} {one.wants}")
def test_a_row_of_each_format_is_detected_as_itself(format: Format, tmp_path: Path) -> None:
    system = [Message("system", "S")] if "system" in format.carries else []
    turns = (*system, Message("user", "Hi"), Message("assistant", "Hello"))
    rejected = (Message("assistant", "Go"),) if format.needs else ()
    row = row_of(Example(turns, {"id": 7}, rejected=rejected), format)
    path = tmp_path / "rows.jsonl"
    path.write_text(f"{json.dumps(row)}\n" * 3)
    for source in (path, [row] * 3):
        data = load(source)
        assert (data.format, data.columns, data[2].messages) == (format.name, ("id",), turns)
        assert data.detected.startswith("each of 3 rows has ")
    assert list(load(path, format=format.name)) == list(load(path))


def test_rows_of_text_alone_are_chats_and_it_is_said_why() -> None:
    data = load([EITHER] * 3)
    assert data.format == "chat"
    assert data.detected == (
        "each of 3 rows has 'messages', and none has a mark of 'bedrock' or 'anthropic'"
    )


@pytest.mark.parametrize(
    ("row", "format"),
    [
        (SYSTEM, "anthropic"),
        ({**EITHER, "system": [{"type": "text", "text": "S"}]}, "anthropic"),
        (BLOCKS, "anthropic"),
        ({**EITHER, "tools": [{"name": "f", "input_schema": {}}]}, "anthropic"),
        (BEDROCK, "bedrock"),
        ({**BEDROCK, "schemaVersion": "bedrock-conversation-2024"}, "bedrock"),
        ({**CHAT, "system": "S"}, "chat"),
        ({**EITHER, "system": None}, "chat"),
        ({**EITHER, "system": ""}, "chat"),
        ({**EITHER, "schemaVersion": "7"}, "chat"),
        (TRANSCRIPT, "transcript"),
        ({"prompt": "\n\nHuman: Hi", "completion": "Hello"}, "prompt_completion"),
        ({"prompt": "What is Human: Hi?", "completion": "Hello"}, "prompt_completion"),
        ({**PAIR, "contents": "a text"}, "prompt_completion"),
        ({**PAIR, "text": "a text"}, "prompt_completion"),
    ],
)
def test_only_a_mark_makes_a_row_another_format(row: dict[str, Any], format: str) -> None:
    assert load([row]).format == format


@pytest.mark.parametrize("place", [0, 1, 40])
@pytest.mark.parametrize(("marked", "format"), [(SYSTEM, "anthropic"), (BLOCKS, "anthropic")])
def test_one_mark_anywhere_decides_where_all_other_rows_fit_both(
    marked: dict[str, Any], format: str, place: int, tmp_path: Path
) -> None:
    rows = [EITHER] * 40
    rows.insert(place, marked)
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for source in (rows, path):
        data = load(source)
        assert data.format == format and len(data) == 41
        assert [row.number for row in data.rows] == list(range(1, 42))


def test_most_rows_decide_and_the_others_are_named() -> None:
    message = error_of(BLOCKS, BLOCKS, CHAT, EITHER)
    assert "1 of 4 rows cannot be used as 'anthropic'" in message
    assert "1 has the fields of 'chat' (the first is row 3)" in message
    message = error_of(CHAT, CHAT, BEDROCK, EITHER)
    assert "1 of 4 rows cannot be used as 'chat'" in message and "'bedrock'" in message


def test_marks_of_two_formats_in_equal_number_are_an_error_with_both_reasons() -> None:
    message = error_of(CHAT, BLOCKS, EITHER)
    assert "2 rows fit 'chat' and 'anthropic' equally" in message
    assert "'anthropic': a row has blocks of the type 'tool_use'" in message
    assert "format=" in message
    both = {**BEDROCK, "messages": [*BEDROCK["messages"], BLOCKS["messages"][1]]}
    assert "fit 'bedrock' and 'anthropic' equally" in error_of(both)


def test_a_mark_is_not_read_over_where_the_row_would_do_as_the_other_format_too() -> None:
    message = error_of(CHAT, CHAT, SYSTEM)
    assert "rows are of different kinds" in message and "say with format=" in message
    message = error_of(PAIR, PAIR, TRANSCRIPT)
    assert "'transcript'" in message and "say with format=" in message
    assert load([PAIR, PAIR, TRANSCRIPT], format="prompt_completion")[2].answer == " Hello"
    assert load([CHAT, SYSTEM], format="chat").columns == ("system",)


def test_the_format_that_is_named_is_the_one_that_is_read() -> None:
    assert load([EITHER], format="anthropic").format == "anthropic"
    assert load([TRANSCRIPT], format="prompt_completion")[0].answer == " Hello"
    assert error_of(EITHER, format="bedrock").startswith("the list of rows: 1 of 1 rows cannot")


def test_a_bad_row_keeps_its_reason_beside_marked_rows() -> None:
    message = error_of(BLOCKS, {"messages": [{"role": "user"}]}, BLOCKS)
    assert "1 of 3 rows cannot be used as 'anthropic'" in message


def test_rows_of_chats_are_asked_only_once_what_else_they_could_be(monkeypatch: Any) -> None:
    """The many files of plain chats are read as fast as if there were no other format with their fields."""
    from ftkit.data.formats.anthropic import Anthropic

    asked: list[Any] = []
    monkeypatch.setattr(Anthropic, "sniff", lambda self, values: asked.append(values) or (0, ""))
    load([EITHER, CHAT] * 500)
    assert asked == []
    with pytest.raises(DataError):
        load([*[EITHER] * 500, {"messages": [5]}])
    assert asked == [{"messages": [5]}]


@pytest.mark.parametrize("name", ALIASES)
def test_a_providers_word_for_a_shape_is_understood(name: str) -> None:
    rows = {
        "chat": EITHER,
        "prompt_completion": PAIR,
        "preference": {
            "input": EITHER,
            "preferred_output": [ANSWER],
            "non_preferred_output": [ANSWER],
        },
    }
    data = load([rows[ALIASES[name]]], format=name)
    assert data.format == ALIASES[name] and data.sha256 == load([rows[ALIASES[name]]]).sha256


def test_names_are_known_once_and_a_wrong_one_is_answered_with_the_nearest() -> None:
    assert len(set(NAMES)) == len(NAMES) and not set(ALIASES) & set(NAMES)
    assert set(ALIASES.values()) <= set(NAMES)
    with pytest.raises(ConfigError, match="did you mean 'together_preference'"):
        load([PAIR], format="together_preferences")


def test_columns_of_json_in_a_table_are_the_formats_own(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    cell = json.dumps(BLOCKS["messages"]).replace('"', '""')
    path.write_text(f'messages,system\n"{cell}",S\n')
    assert load(path).format == "anthropic" and load(path)[0].system == "S"
