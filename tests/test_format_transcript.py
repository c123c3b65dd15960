"""Conversations in one text, or in a prompt and a completion: read as turns, and refused where turns are not certain."""

from __future__ import annotations

from typing import Any

import pytest

from ftkit.data import Example, Message, load
from ftkit.data.formats import row_of
from ftkit.data.formats.transcript import Transcript
from ftkit.errors import ConfigError, DataError

USER, ANSWER = Message("user", "Hi"), Message("assistant", "Hello")
TEXT = "\n\nHuman: Hi\n\nAssistant: Hello"


def reason_of(row: dict[str, Any], **options: str) -> str:
    with pytest.raises(DataError) as caught:
        load([row], format="transcript", **options)  # type: ignore[arg-type]
    (fault,) = caught.value.faults
    return fault.reason


@pytest.mark.parametrize(
    "row",
    [
        {"text": TEXT},
        {"text": TEXT.lstrip("\n")},
        {"text": "\n\nHuman:Hi\n\nAssistant:Hello"},
        {"prompt": "\n\nHuman: Hi\n\nAssistant:", "completion": " Hello"},
        {"prompt": "\n\nHuman: Hi\n\nAssistant: ", "completion": "Hello"},
    ],
)
def test_a_transcript_is_a_conversation(row: dict[str, Any]) -> None:
    data = load([{**row, "id": 7}])
    assert (data.format, data.columns) == ("transcript", ("id",))
    assert list(data) == [Example((USER, ANSWER), {"id": 7})]
    assert list(load([row], format="transcript")) == list(load([row]))


def test_what_stands_before_the_first_turn_is_the_system_message() -> None:
    assert load([{"text": f"Be brief.{TEXT}"}])[0].system == "Be brief."
    assert load([{"text": TEXT}], system="Be kind.")[0].system == "Be kind."
    assert "another one than system=" in reason_of({"text": f"S{TEXT}"}, system="T")


def test_nothing_but_the_space_of_the_mark_is_stripped() -> None:
    (example,) = load([{"text": "\n\nHuman:  Hi \n\n\nAssistant: \n\nHuman: x\n\nAssistant: y\n"}])
    assert [turn.content for turn in example.messages] == [" Hi \n", "", "x", "y\n"]


def test_a_transcript_is_written_as_it_came() -> None:
    (example,) = load([{"text": f"S{TEXT}", "id": 7}])
    assert row_of(example, Transcript()) == {"text": f"S{TEXT}", "id": 7}
    pair = {"prompt": f"S{TEXT}".removesuffix(" Hello"), "completion": " Hello", "id": 7}
    assert row_of(example, Transcript(None, ("prompt", "completion"))) == pair


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"text": f"{TEXT}\nHuman: or is it?"}, "a turn, or not?"),
        ({"text": f"Assistant: x{TEXT}\nAssistant: y"}, "a turn, or not?"),
        ({"text": TEXT, "tools": [{"name": "x"}]}, "cannot carry 'tools'"),
    ],
)
def test_a_text_in_which_turns_are_not_certain_is_refused(row: dict[str, Any], reason: str) -> None:
    assert reason in reason_of(row)


@pytest.mark.parametrize("text", ["a\nHuman: b", "Human: b", "\n\nAssistant:"])
def test_a_turn_that_would_be_read_as_two_is_not_written(text: str) -> None:
    with pytest.raises(DataError) as caught:
        row_of(Example((Message("user", text), ANSWER)), Transcript())
    assert caught.value.faults[0].field == "messages[0].content"
    assert "at the beginning of a line" in caught.value.faults[0].reason


def test_plain_text_is_refused_with_what_would_do() -> None:
    with pytest.raises(DataError, match="nothing in ftkit trains it; give rows a 'prompt'"):
        load([{"text": "Once upon a time."}])
    with pytest.raises(ConfigError, match="plain text in 'text' has no question"):
        load([{"text": "Once upon a time."}], format="text")
    with pytest.raises(DataError, match="no row is of the format 'transcript'"):
        load([{"text": "Once upon a time."}], format="transcript")
    with pytest.raises(DataError, match="columns text, label; pass prompt= and completion="):
        load([{"text": "Where is it?", "label": "shipping"}])


def test_the_columns_can_still_be_grouped_by() -> None:
    assert load([{"text": TEXT}]).values("text") == [TEXT]
