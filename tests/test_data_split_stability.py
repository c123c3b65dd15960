"""What was held out stays held out: by content where rows are added, by an earlier split whatever happens."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftkit.data import Dataset, Split, load
from ftkit.errors import ConfigError, DataError

Row = tuple[str, str, str]  # question, answer, group
SHARE = 0.3


def made(rows: list[Row]) -> Dataset:
    return load([dict(zip(("prompt", "completion", "group"), row, strict=True)) for row in rows])


def held(split: Any) -> set[tuple[str, str]]:
    return {(example.prompt[-1].content, example.answer) for example in split[1]}


def by_content(data: Dataset, seed: int) -> Split:
    return data.split(test=SHARE, seed=seed, group_by="group")


def by_order(data: Dataset, seed: int) -> Split:
    """The broken variant: as many rows as make the share, the first in order."""
    return data.split(test=round(SHARE * len(data)), seed=seed, group_by="group")


def moved(split: Callable[[Dataset, int], Split], seed: int, size: int, more: int) -> set[Any]:
    """Old rows that changed sides when rows were added, though the rows that they hang together with are the same."""
    dice = random.Random(seed)
    rows = [_row(dice) for _ in range(size)]
    grown = rows + [_row(dice) for _ in range(more)]
    dice.shuffle(grown)
    before, after = split(made(rows), seed), split(made(grown), seed)
    if any("was fitted" in note for note in (*before.notes, *after.notes)):
        return set()
    old, new = _hanging_together(rows), _hanging_together(grown)
    kept = {row[:2] for row in rows if old[row] == new[row]}
    return (held(before) ^ held(after)) & kept


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**9), st.integers(50, 120), st.integers(1, 60))
def test_rows_that_are_added_move_no_old_one(seed: int, size: int, more: int) -> None:
    assert moved(by_content, seed, size, more) == set()


def test_a_choice_by_order_would_be_seen_to_move_rows() -> None:
    assert sum(bool(moved(by_order, seed, 100, 30)) for seed in range(10)) >= 8


def test_where_the_size_had_to_be_fitted_no_promise_is_made() -> None:
    data = made([(f"q{i}", "a", f"g{i % 4}") for i in range(40)])
    notes = [data.split(seed=seed, test=0.25, group_by="group").notes for seed in range(20)]
    fitted = [note for note in notes if note]
    assert 0 < len(fitted) < 20
    assert "10 were wanted" in fitted[0][0] and "previous=" in fitted[0][0]


ROWS: list[Row] = [(f"question {i}", f"a{i}", f"g{i // 2}") for i in range(60)]


def test_an_earlier_split_is_kept_whatever_the_seed_and_the_size() -> None:
    before = made(ROWS).split(test=12, seed=1)
    grown = made([*((f"new {i}", "a", "") for i in range(40)), *reversed(ROWS)])
    for test in (0.5, 0.1, 30):
        after = grown.split(test=test, seed=2, previous=before)
        assert held(before) <= held(after)
        assert after.moved == ()
        new = len(after.held_out) - 12
        assert new == 18 if test == 30 else 0 < new < 40
    assert held(grown.split(test=5, previous=(before.train, before.held_out))) == held(before)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**9), st.integers(50, 100), st.integers(0, 60))
def test_of_an_earlier_split_no_row_changes_sides_unnamed(seed: int, size: int, more: int) -> None:
    dice = random.Random(seed)
    rows = [_row(dice) for _ in range(size)]
    grown = rows + [_row(dice) for _ in range(more)]
    dice.shuffle(grown)
    before = by_content(made(rows), seed)
    after = made(grown).split(test=SHARE, seed=seed + 1, group_by="group", previous=before)
    named = {grown[one.row - 1][:2] for one in after.moved}
    assert held(before) - held(after) == named
    assert held(after) & {row[:2] for row in rows} <= held(before)
    train, out = ({row for row in grown if (row[:2] in held(after)) == side} for side in (0, 1))
    for row, others in _hanging_together(grown).items():
        assert others <= (out if row in out else train)


def test_a_number_of_rows_may_take_all_new_ones() -> None:
    before = made(ROWS).split(test=12)
    grown = made([*ROWS, ("new", "a", "")])
    assert len(grown.split(test=13, previous=before).held_out) == 13
    assert len(grown.split(test=40, previous=before).held_out) == 13


def test_old_rows_that_come_to_hang_together_are_trained_on_and_named() -> None:
    before = made(ROWS).split(test=12, seed=1)
    known = {example.prompt[-1].content for example in before.train}
    lost = next(f"question {i}" for i in range(0, 60, 2) if f"question {i}" not in known)
    partner = next(iter(sorted(known)))
    rows = [
        (question, answer, "shared" if question in (lost, partner) else "")
        for question, answer, _ in ROWS
    ]
    after = made(rows).split(test=12, group_by="group", previous=before)
    number, other = (1 + [row[0] for row in rows].index(text) for text in (lost, partner))
    assert [one.row for one in after.moved] == [number]
    assert str(after.moved[0]).endswith(
        f"it hangs together with row {other}, trained on before, by the same group"
    )
    assert held(before) - held(after) == {(lost, f"a{number - 1}")}
    assert any("1 rows that were held out are trained on now" in note for note in after.notes)


def test_rows_between_are_told_from_direct_ties() -> None:
    before = (made([("a", "x", ""), ("c", "x", "")]), made([("b", "x", ""), ("e", "x", "")]))
    rows = [("a", "x", "1"), ("b", "x", "2"), ("e", "x", "")]
    links = [("new", "y", "1"), ("new", "z", "2")]
    after = made([*rows, *links]).split(test=1, group_by="group", previous=before)
    assert [(one.row, one.why) for one in after.moved] == [
        (2, "through other rows it hangs together with row 1, trained on before")
    ]
    assert held(after) == {("e", "x")}


def test_a_row_whose_answer_was_mended_keeps_its_side() -> None:
    before = made(ROWS).split(test=12, seed=1)
    mended = made([(question, f"better {answer}", group) for question, answer, group in ROWS])
    after = mended.split(test=12, seed=2, previous=before)
    assert {q for q, _ in held(after)} == {q for q, _ in held(before)}


def test_where_only_equal_rows_count_a_mended_answer_is_new() -> None:
    before = (made([("a", "x", "")]), made([("b", "x", "")]))
    grown = made([("a", "y", ""), ("b", "x", ""), ("c", "x", "")])
    for duplicates, drawn in (("prompt", {"c"}), ("row", {"a", "c"})):
        found = [
            held(grown.split(test=2, seed=seed, duplicates=duplicates, previous=before))
            for seed in range(9)
        ]
        assert {question for one in found for question, _ in one} == {"b", *drawn}


def test_a_new_answer_beside_an_old_one_is_no_old_row() -> None:
    before = (made([("a", "x", "")]), made([("b", "x", ""), ("c", "x", "")]))
    grown = made([("a", "x", "1"), ("b", "x", "1"), ("b", "new", ""), ("c", "x", "")])
    after = grown.split(test=1, group_by="group", previous=before)
    assert [one.row for one in after.moved] == [2]


def test_a_row_that_stood_on_both_sides_is_trained_on() -> None:
    both = made([("question 0", "a0", "")])
    after = made(ROWS).split(test=5, previous=(both, made(ROWS[:3])))
    assert [(one.row, one.why) for one in after.moved] == [(1, "it stood on both sides")]


def test_where_no_row_can_stay_held_out_new_ones_are() -> None:
    before = (made(ROWS[:1]), made(ROWS[1:2]))
    rows = [(*ROWS[0][:2], "g"), (*ROWS[1][:2], "g")]
    more = [(f"new {i}", "a", "") for i in range(4)]
    after = made([*rows, *more]).split(test=0.01, group_by="group", previous=before)
    assert len(after.held_out) == 1 and len(after.moved) == 1
    with pytest.raises(DataError, match="all 2 rows hang together"):
        made(rows).split(test=1, group_by="group", previous=before)


@pytest.mark.parametrize("previous", [made(ROWS[:2]), (made(ROWS),), "held_out.jsonl", (1, 2)])
def test_an_earlier_split_is_two_data_sets(previous: Any) -> None:
    with pytest.raises(ConfigError, match="what was trained on has to be known too"):
        made(ROWS).split(previous=previous)


def test_an_earlier_split_of_other_data_is_an_error() -> None:
    other = made([(f"other {i}", "b", "") for i in range(9)]).split(test=2)
    with pytest.raises(DataError, match="none of its rows stands in previous="):
        made(ROWS).split(previous=other)


def _row(dice: random.Random) -> Row:
    group = f"g{dice.randrange(400)}" if dice.random() < 0.4 else ""
    return f"question {dice.randrange(300)}", f"a{dice.randrange(3)}", group


def _hanging_together(rows: list[Row]) -> dict[Row, frozenset[Row]]:
    """For each row the rows that it is connected with, the slow way."""
    groups: list[set[Row]] = []
    for row in rows:
        touching = [
            group
            for group in groups
            if any(row[0] == other[0] or (row[2] and row[2] == other[2]) for other in group)
        ]
        groups = [group for group in groups if group not in touching]
        groups.append({row}.union(*touching))
    return {row: frozenset(group) for group in groups for row in group}
