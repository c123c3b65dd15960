"""Cross-validation and learning curves: every row held out once, and parts that grow."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from ftkit.data import Dataset, load
from ftkit.errors import ConfigError, DataError


def numbers(data: Dataset) -> set[int]:
    return {row.number for row in data.rows}


def some(size: int, groups: int) -> Dataset:
    dice = random.Random(4)
    return load(
        [
            {"prompt": f"q{i}", "completion": dice.choice("aab"), "group": dice.randrange(groups)}
            for i in range(size)
        ]
    )


@pytest.mark.parametrize("k", [2, 5, 10])
def test_every_row_is_held_out_exactly_once(k: int) -> None:
    data = some(203, 1_000)
    folds = data.folds(k)
    assert Counter(n for fold in folds for n in numbers(fold.held_out)) == dict.fromkeys(
        range(1, 204), 1
    )
    for train, held in folds:
        assert numbers(train) | numbers(held) == set(range(1, 204))
        assert not numbers(train) & numbers(held)
        assert len(held) in (203 // k, 203 // k + 1)


def test_folds_are_of_one_size_where_large_groups_leave_room_for_it() -> None:
    data = load([{"prompt": f"q{i}", "completion": "a", "g": max(i, 9)} for i in range(40)])
    assert [len(fold.held_out) for fold in data.folds(4, group_by="g")] == [10] * 4


def test_no_group_and_no_near_question_crosses_in_any_fold() -> None:
    data = some(200, 40)
    for train, held in data.folds(4, group_by="group"):
        assert set(train.values("group")) & set(held.values("group")) == set()
    long = [f"{c * 3} how long does a transfer from my bank take?" for c in "abcdefgh"]
    rows = [text + end for text in long for end in ("", " !", " Now")]
    near = load([{"prompt": text, "completion": str(i)} for i, text in enumerate(rows)])
    for train, held in near.folds(3, near=0.9):
        starts = [{e.prompt[-1].content[:3] for e in part} for part in (train, held)]
        assert starts[0] & starts[1] == set()


def test_labels_are_shared_out_over_the_folds() -> None:
    data = some(203, 1_000)
    totals = Counter(example.answer for example in data)
    for fold in data.folds(5, stratify_by="label"):
        found = Counter(example.answer for example in fold.held_out)
        assert all(abs(found[label] - total / 5) < 1 for label, total in totals.items())
        assert len(fold.held_out) in (40, 41)


def test_the_seed_decides_and_the_order_does_not() -> None:
    rows = [{"prompt": f"q{i}", "completion": "a"} for i in range(40)]
    texts = [
        [{e.prompt for e in fold.held_out} for fold in load(given).folds(4, seed=seed)]
        for given, seed in ((rows, 0), (rows[::-1], 0), (rows, 1))
    ]
    assert texts[0] == texts[1] != texts[2]


def test_folds_make_no_promise_for_rows_to_come_and_name_lumps() -> None:
    data = load([{"prompt": f"q{i}", "completion": "a", "g": i > 9} for i in range(60)])
    notes = data.folds(2, group_by="g")[0].notes
    assert "move old ones to another fold" in notes[0] and "from 10 to 50 rows" in notes[1]


@pytest.mark.parametrize("k", [1, 0, True, 2.0, "5"])
def test_a_number_of_folds_that_makes_no_sense_is_refused(k: Any) -> None:
    with pytest.raises(ConfigError, match="2 or more"):
        some(20, 5).folds(k)


def test_fewer_parts_than_folds_are_an_error() -> None:
    with pytest.raises(DataError, match="by the same group in 3 parts, too few for 4 folds"):
        some(60, 3).folds(4, group_by="group")
    with pytest.raises(DataError, match="3 rows in 3 parts, too few for 4 folds"):
        some(3, 900).folds(4)


def test_fractions_grow_and_hold_one_another() -> None:
    data = some(203, 9)
    quarter, half, whole = data.fractions()
    assert (len(quarter), len(half)) == (51, 102)
    assert numbers(quarter) < numbers(half) < numbers(whole)
    assert whole.sha256 == data.sha256


def test_fractions_depend_on_seed_and_content_alone() -> None:
    rows = [{"prompt": f"q{i}", "completion": "a"} for i in range(40)]
    parts = [
        {e.prompt for e in load(given).fractions([0.2], seed=seed)[0]}
        for given, seed in ((rows, 0), (rows[::-1], 0), (rows, 1))
    ]
    assert parts[0] == parts[1] != parts[2]


@pytest.mark.parametrize("shares", [0.5, "0.5", [0], [1.1], [True], [None]])
def test_shares_that_make_no_sense_are_refused(shares: Any) -> None:
    with pytest.raises(ConfigError, match="fraction"):
        some(9, 2).fractions(shares)
    with pytest.raises(DataError, match="no rows"):
        some(9, 2).select([]).fractions()
