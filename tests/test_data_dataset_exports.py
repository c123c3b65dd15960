"""A data set given to pandas and to Hugging Face datasets: nothing is lost on the way, or it is refused."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

import pytest

from ftkit.data import Dataset, Example, load
from ftkit.errors import DataError, NotInstalled

HI = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
SUM = {
    "type": "function",
    "function": {
        "name": "sum",
        "description": "Adds.",
        "parameters": {"type": "object", "properties": {"of": {"type": "array", "minItems": 1}}},
    },
}
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{ }"}}
TOOL_ROW = {
    "messages": [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "Rain?", "name": "ann"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "no"},
        {"role": "assistant", "content": "No.", "weight": 0},
        {
            "role": "user",
            "content": [{"type": "text", "text": "See"}, {"type": "text", "text": "?"}],
        },
        {"role": "assistant", "content": "Yes."},
    ],
    "tools": [WEATHER, SUM],
    "parallel_tool_calls": False,
}
PICTURE = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "What is it?"},
            {"type": "image_url", "image_url": {"url": "https://x.org/a.png", "detail": "low"}},
        ],
    },
    HI[1],
]
PAIR = {
    "input": {"messages": [{"role": "user", "content": "Hi"}], "tools": [WEATHER]},
    "preferred_output": [{"role": "assistant", "content": "Hello"}],
    "non_preferred_output": [{"role": "assistant", "content": "What?"}],
}


def known(example: Example) -> Example:
    """A column that only other rows have is None in this one: that says nothing."""
    fields = {name: value for name, value in example.fields.items() if value is not None}
    return dataclasses.replace(example, fields=fields)


@pytest.mark.parametrize(
    "rows",
    [
        [{"messages": HI, "n": 1}, {"messages": HI, "topic": "ü \u202e\n x", "n": 2}],
        [{"messages": HI, "score": 0.5, "tags": ["a", "b"], "more": {"deep": {"x": 1}, "y": None}}],
        [{"messages": HI, "more": {"x": 1}}, {"messages": HI, "more": {"y": "2"}}],
        [TOOL_ROW, {"messages": HI, "tools": [SUM]}, {"messages": HI}],
        [{"messages": PICTURE}, {"messages": HI}],
        [PAIR, {**PAIR, "input": {"messages": HI + PAIR["input"]["messages"]}}],
        [{"prompt": "p", "completion": "c", "id": "7"}],
        [{"instruction": "i", "input": "", "output": "o"}],
    ],
    ids=["fields", "nested", "other_keys", "tools", "images", "pairs", "columns", "alpaca"],
)
def test_what_goes_to_hugging_face_comes_back_equal(rows: list[dict[str, Any]]) -> None:
    data = load(rows)
    again = load(data.to_hf())
    assert list(map(known, again)) == list(map(known, data)) and len(again) == len(rows)
    again = load(again.to_hf())
    assert list(map(known, again)) == list(map(known, data))


def test_a_plain_chat_has_the_columns_that_trainers_know() -> None:
    made = load([{"prompt": "p", "completion": "c", "id": 7}], system="S").to_hf()
    assert made.column_names == ["messages", "id"] and made[0]["id"] == 7
    assert made[0]["messages"] == [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "p"},
        {"role": "assistant", "content": "c"},
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, 1.5), (1, "1"), (True, 2)],
    ids=["float", "text", "truth"],
)
def test_values_that_would_come_back_changed_are_refused(one: object, other: object) -> None:
    data = load([{"messages": HI, "n": one}, {"messages": HI, "n": other}])
    with pytest.raises(DataError, match="datasets cannot hold these rows"):
        data.to_hf()


def test_pairs_beside_rows_of_one_answer_are_refused_by_number() -> None:
    data = load([PAIR]).concat(load([{"messages": HI}]))
    with pytest.raises(DataError) as caught:
        data.to_hf()
    assert caught.value.faults[0].row == 2


def test_a_data_frame_has_a_row_for_each_example() -> None:
    data = load([TOOL_ROW, {"messages": HI, "topic": "x", "row": "own"}])
    frame = data.to_pandas()
    first, second = frame.to_dict("records")
    assert list(frame.columns) == [
        *("row", "source", "system", "prompt", "answer", "rejected"),
        *("messages", "rejected_messages", "tools", "topic", "fields.row"),
    ]
    assert (second["row"], second["prompt"], second["answer"]) == (2, "Hi", "Hello")
    assert second["messages"] == HI and second["tools"] is None and second["topic"] == "x"
    assert second["fields.row"] == "own" and second["source"] == "the list of rows"
    assert first["system"] == "S" and first["tools"] == [WEATHER, SUM]
    assert (
        first["prompt"].startswith("user: Rain?\n\nassistant: ") and "system" not in first["prompt"]
    )
    assert load([{"messages": row} for row in frame["messages"]])[0].messages == data[0].messages


def test_both_answers_of_a_pair_are_in_the_frame() -> None:
    (row,) = load([PAIR]).to_pandas().to_dict("records")
    assert (row["prompt"], row["answer"], row["rejected"]) == ("Hi", "Hello", "What?")
    assert row["rejected_messages"] == PAIR["non_preferred_output"]


def test_an_empty_data_set_has_the_columns_too() -> None:
    none = load([{"messages": HI, "topic": "x"}])[:0]
    assert len(none.to_pandas()) == 0 and "topic" in none.to_pandas().columns
    assert len(none.to_hf()) == 0


@pytest.mark.parametrize(
    ("package", "way", "install"),
    [("pandas", "to_pandas", "pip install pandas"), ("datasets", "to_hf", r"ftkit\[hf\]")],
)
def test_a_missing_package_is_named(
    package: str, way: str, install: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    data: Dataset = load([{"messages": HI}])
    with pytest.raises(NotInstalled, match=install):
        getattr(data, way)()


def test_an_old_package_that_cannot_hold_tools_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    monkeypatch.delattr(datasets, "Json")
    assert len(load([{"messages": HI}]).to_hf()) == 1
    with pytest.raises(NotInstalled, match=r"tools.*datasets>=4\.7"):
        load([TOOL_ROW]).to_hf()
