"""The data set: immutable, hashed, decoded on access; what is derived from it keeps the file's row numbers."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path
from typing import Any

import pytest

from ftkit.data import Dataset, Example, Message, load
from ftkit.errors import DataError

ROWS = [{"q": f"question {i}", "a": f"answer {i}", "n": i} for i in range(6)]


@pytest.fixture
def data() -> Dataset:
    return load(ROWS, prompt="q", completion="a")


def test_rows_are_read_by_index_slice_and_iteration(data: Dataset) -> None:
    assert data[2].answer == data[-4].answer == "answer 2"
    assert [e.answer for e in data[1:6:2]] == ["answer 1", "answer 3", "answer 5"]
    assert len(list(data)) == len(data) == 6
    with pytest.raises(IndexError):
        data[6]


def test_derived_data_sets_keep_the_row_numbers_of_the_file(data: Dataset) -> None:
    assert [row.number for row in data.select([4, 0]).rows] == [5, 1]
    assert [row.number for row in data[3:].rows] == [4, 5, 6]
    odd = data.filter(lambda example: example.fields["n"] % 2 == 1)
    assert [row.number for row in odd.rows] == [2, 4, 6]
    assert [row.number for row in odd.map(lambda e: e).rows] == [2, 4, 6]


def test_nothing_of_a_data_set_can_be_set(data: Dataset) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        data.source = "x"  # type: ignore[misc]
    with pytest.raises((AttributeError, TypeError)):
        data.other = "x"  # type: ignore[attr-defined]


def test_the_hash_changes_with_rows_order_columns_and_system_prompt(data: Dataset) -> None:
    both = [{**row, "b": row["a"]} for row in ROWS]
    hashes = [
        data.sha256,
        data[:5].sha256,
        data.select([1, 0, 2, 3, 4, 5]).sha256,
        load(ROWS, prompt="a", completion="q").sha256,
        load(ROWS, prompt="q", completion="a", system="S").sha256,
        load(ROWS, prompt="q", completion="a", system="T").sha256,
        load(both, prompt="q", completion="a").sha256,
        load(both, prompt="q", completion="b").sha256,
        data.map(lambda e: dataclasses.replace(e, fields={})).sha256,
    ]
    assert len(set(hashes)) == len(hashes)
    assert load(ROWS, prompt="q", completion="a").sha256 == data.sha256


def test_one_changed_byte_changes_one_row_hash(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    lines = ['{"prompt": "a", "completion": "b"}', '{"prompt": "c", "completion": "d"}']
    path.write_text("\n".join(lines))
    before = load(path)
    path.write_text("\n".join([lines[0], lines[1].replace("d", "e")]))
    after = load(path)
    assert before.rows[0].sha256 == after.rows[0].sha256
    assert before.rows[1].sha256 != after.rows[1].sha256 and before.sha256 != after.sha256


def test_a_data_set_survives_pickling(data: Dataset) -> None:
    for one in (data, data.map(lambda e: e)):
        again = pickle.loads(pickle.dumps(one))
        assert list(again) == list(one) and again.sha256 == one.sha256 and again.rows == one.rows


def test_map_changes_messages_and_fields(data: Dataset) -> None:
    def shout(example: Example) -> Example:
        turns = (*example.prompt, Message("assistant", example.answer.upper()))
        return Example(turns, {"loud": True})

    loud = data.map(shout)
    assert loud[0].answer == "ANSWER 0" and loud.columns == ("loud",)
    assert loud.map(shout).sha256 == loud.sha256 != data.map(lambda e: e).sha256


def test_mapped_columns_stay_there_to_group_by_after_map(data: Dataset) -> None:
    assert data.columns == ("n",)
    assert data.values("q")[0] == "question 0"
    assert data.map(lambda e: dataclasses.replace(e, fields={})).values("q")[5] == "question 5"


@pytest.mark.parametrize(
    ("result", "field"),
    [
        ("text", None),
        (Example(()), "messages"),
        (Example((Message("robot", "x"),)), "messages[0].role"),
        (Example((Message("user", 5),)), "messages[0].content"),  # type: ignore[arg-type]
        (Example((Message("user", "x"),), {"s": {1, 2}}), "fields.s"),
    ],
)
def test_map_names_the_row_for_which_no_example_comes_back(
    data: Dataset, result: Any, field: str | None
) -> None:
    with pytest.raises(DataError, match="map made a row unusable") as caught:
        data.map(lambda e: result if e.fields["n"] == 3 else e)
    assert [(f.row, f.field) for f in caught.value.faults] == [(4, field)]


def test_an_unknown_column_is_answered_with_the_nearest_one(data: Dataset) -> None:
    with pytest.raises(DataError, match="no column 'm'.*known: a, n, q"):
        data.values("m")
    chat = load([{"messages": [{"role": "user", "content": "x"}]}])
    with pytest.raises(DataError, match="no columns beside the messages"):
        chat.values("m")


def test_names_for_messages(tmp_path: Path, data: Dataset) -> None:
    path = tmp_path / "tickets.v2.jsonl"
    path.write_text('{"prompt": "a", "completion": "b"}')
    assert load(path).source == str(path) and load(str(path)).name == "tickets"
    assert data.source == "the list of rows" and data.name == "rows"


def test_the_representation_shows_size_format_columns_and_the_first_row(data: Dataset) -> None:
    text = repr(data)
    assert "6 rows, prompt_completion, columns n" in text
    assert "row 1: user: 'question 0' -> assistant: 'answer 0'" in text
    assert "0 rows" in repr(data[:0])
    assert len(repr(load([{"prompt": "x" * 10_000, "completion": "y" * 10_000}]))) < 300
