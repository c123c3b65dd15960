"""Splits: nothing on one side is known from the other, and what was held out stays held out."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftkit.data import Dataset, load
from ftkit.data.splitting import choice
from ftkit.data.splitting.choice import choose
from ftkit.data.splitting.components import components
from ftkit.errors import ConfigError, DataError


def pairs(rows: list[tuple[Any, ...]]) -> Dataset:
    """Rows of (prompt, completion, group, other group)."""
    names = ("prompt", "completion", "group", "other")
    return load([dict(zip(names, row, strict=False)) for row in rows])


def numbers(data: Dataset) -> set[int]:
    return {row.number for row in data.rows}


SINGLES = [(f"p{i}", f"c{i}") for i in range(200)]


def test_a_split_parts_the_rows_in_their_order() -> None:
    data = pairs(SINGLES)
    train, held_out = data.split(test=20)
    assert (len(train), len(held_out)) == (180, 20)
    assert numbers(train) | numbers(held_out) == set(range(1, 201))
    assert numbers(train) & numbers(held_out) == set()
    for part in (train, held_out):
        assert [row.number for row in part.rows] == sorted(numbers(part))


def test_a_share_is_drawn_row_by_row_and_comes_near() -> None:
    """The rows held out are about binomial: 4,000 rows at 0.1 have a standard deviation of 19."""
    data = pairs([(f"p{i}", "c") for i in range(4_000)])
    sizes = {len(data.split(seed=seed)[1]) for seed in range(5)}
    assert len(sizes) > 1 and all(abs(size - 400) < 80 for size in sizes)
    assert data.split().notes == ()


def test_a_smaller_share_holds_out_some_of_the_same_rows() -> None:
    data = pairs([(f"p{i}", "c") for i in range(1_000)])
    assert numbers(data.split(test=0.1)[1]) < numbers(data.split(test=0.2)[1])


def test_a_number_of_rows_can_be_held_out() -> None:
    assert len(pairs(SINGLES).split(test=37)[1]) == 37


def test_the_seed_decides_which_rows_are_held_out() -> None:
    data = pairs(SINGLES)
    assert data.split(seed=0)[1].sha256 == data.split(seed=0)[1].sha256
    assert data.split(seed=0)[1].sha256 != data.split(seed=1)[1].sha256


def test_the_order_of_rows_does_not_decide() -> None:
    shuffled = list(SINGLES)
    random.Random(5).shuffle(shuffled)
    prompts = [{e.prompt for e in pairs(rows).split()[1]} for rows in (SINGLES, shuffled)]
    assert prompts[0] == prompts[1]


def test_rows_with_one_prompt_never_cross() -> None:
    data = pairs([(f"p{i % 40}", f"c{i}") for i in range(200)])
    train, held_out = data.split(test=40)
    assert len(held_out) == 40
    assert {e.prompt for e in train} & {e.prompt for e in held_out} == set()


def test_with_duplicates_row_only_equal_rows_stay_together() -> None:
    data = pairs([("same prompt", f"c{i % 50}") for i in range(100)])
    with pytest.raises(DataError, match="all 100 rows hang together.*duplicates='row'"):
        data.split()
    train, held_out = data.split(test=10, duplicates="row")
    assert len(held_out) == 10
    assert {e.answer for e in train} & {e.answer for e in held_out} == set()


def test_a_group_never_crosses() -> None:
    data = pairs([(f"p{i}", "c", f"g{i % 25}") for i in range(200)])
    train, held_out = data.split(test=32, group_by="group")
    assert len(held_out) == 32
    assert set(train.values("group")) & set(held_out.values("group")) == set()


def test_of_several_group_columns_none_crosses() -> None:
    rng = random.Random(1)
    data = pairs([(f"p{i}", "c", rng.randrange(300), rng.randrange(300)) for i in range(200)])
    train, held_out = data.split(test=0.2, group_by=["group", "other"])
    for column in ("group", "other"):
        assert set(train.values(column)) & set(held_out.values(column)) == set()


def test_a_function_can_group() -> None:
    data = pairs([(f"p{i}", f"c{i % 20}") for i in range(200)])
    train, held_out = data.split(group_by=lambda example: example.answer)
    assert {e.answer for e in train} & {e.answer for e in held_out} == set()
    with pytest.raises(ConfigError, match="group_by returned a list for row 1"):
        data.split(group_by=lambda example: [example.answer])


def test_rows_without_a_group_are_not_one_group() -> None:
    for nothing in (None, ""):
        data = pairs([(f"p{i}", "c", nothing) for i in range(100)])
        assert len(data.split(test=10, group_by="group")[1]) == 10
        assert len(data.split(test=10, group_by=lambda _, value=nothing: value)[1]) == 10


def test_a_group_may_be_an_object_whatever_the_order_of_its_keys() -> None:
    data = pairs([("a", "c", {"x": 1, "y": 2}), ("b", "c", {"y": 2, "x": 1}), ("d", "c", {"x": 1})])
    train, held_out = data.split(test=1, group_by="group")
    assert (numbers(train), numbers(held_out)) == ({1, 2}, {3})


def test_a_number_and_its_text_are_different_groups() -> None:
    data = pairs([("a", "c", 1), ("b", "c", "1")])
    assert len(data.split(test=1, group_by="group")[1]) == 1


def test_the_prompt_column_can_group_under_its_own_name() -> None:
    rows = [{"mr": f"m{i % 30}", "ref": f"r{i}"} for i in range(90)]
    for options in ({"prompt": "mr", "completion": "ref"}, {"prompt": "ref", "completion": "mr"}):
        data = load(rows, **options)  # type: ignore[arg-type]
        train, held_out = data.split(test=9, group_by="mr")
        assert len(held_out) == 9
        assert set(train.values("mr")) & set(held_out.values("mr")) == set()


def test_an_unknown_group_column_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(DataError, match="no column 'groop'; did you mean 'group'"):
        pairs([("a", "b", "c"), ("d", "e", "f")]).split(group_by="groop")


def test_parts_that_are_too_large_are_an_error_that_says_so() -> None:
    data = pairs([(f"p{i}", "c", i % 2) for i in range(100)])
    with pytest.raises(DataError, match=r"2 parts, the largest of 50 rows.*group_by="):
        data.split(test=0.1, group_by="group")


@pytest.mark.parametrize("test", [0, -1, 100, 1.0, 0.0, -0.5, True, "0.1"])
def test_a_size_that_makes_no_sense_is_refused(test: Any) -> None:
    with pytest.raises(ConfigError, match="test="):
        pairs(SINGLES[:100]).split(test=test)


def test_an_unknown_way_to_join_duplicates_is_refused() -> None:
    with pytest.raises(ConfigError, match="'prompt' or 'row'"):
        pairs(SINGLES).split(duplicates="rows")  # type: ignore[arg-type]


def test_one_row_cannot_be_split() -> None:
    with pytest.raises(DataError, match="at least 2 are needed"):
        pairs(SINGLES[:1]).split()
    assert [len(part) for part in pairs(SINGLES[:2]).split()] == [1, 1]


@given(st.lists(st.integers(1, 30), min_size=2, max_size=12), st.data())
def test_the_chosen_size_is_the_nearest_possible(sizes: list[int], draw: st.DataObject) -> None:
    wanted = draw.draw(st.integers(1, sum(sizes) - 1))
    sums = {0}
    for size in sizes:
        sums |= {known + size for known in sums}
    possible = sums - {0, sum(sizes)}
    chosen = choose(sizes, wanted)
    assert len(set(chosen)) == len(chosen)
    reached = sum(sizes[index] for index in chosen)
    assert abs(reached - wanted) == min(abs(size - wanted) for size in possible)


def test_where_every_sum_is_too_much_to_compute_something_still_stays_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choice, "_EXACT_BITS", 0)
    assert choose([1, 99], 60) == [0]


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=30))
def test_components_are_the_connected_rows(keys: list[tuple[int, int]]) -> None:
    links = [[key[0] or None for key in keys], [key[1] or None for key in keys]]
    label = list(range(len(keys)))
    for _ in keys:  # the slow way: spread the smallest label until nothing changes
        for a, first in enumerate(keys):
            for b, second in enumerate(keys):
                if any(x and x == y for x, y in zip(first, second, strict=True)):
                    label[a] = label[b] = min(label[a], label[b])
    expected = {frozenset(i for i, one in enumerate(label) if one == mark) for mark in set(label)}
    assert {frozenset(rows) for rows in components(len(keys), links)} == expected


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("xy"), st.integers(0, 9)),
        min_size=2,
        max_size=40,
    ),
    st.integers(0, 3),
)
def test_no_prompt_and_no_group_ever_crosses(rows: list[tuple[str, str, int]], seed: int) -> None:
    data = pairs(rows)
    try:
        train, held_out = data.split(test=0.3, seed=seed, group_by="group")
    except DataError:
        return
    assert len(train) and len(held_out) and len(train) + len(held_out) == len(rows)
    assert {e.prompt for e in train} & {e.prompt for e in held_out} == set()
    assert set(train.values("group")) & set(held_out.values("group")) == set()
