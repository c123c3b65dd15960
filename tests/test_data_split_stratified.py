"""Each label is held out in its share, as near as rows that hang together allow."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftkit.data import Dataset, load
from ftkit.errors import ConfigError, DataError
from tests.published_data import banking77, needs_published


def labelled(sizes: dict[str, int], **columns: Any) -> Dataset:
    """So many rows of each answer."""
    answers = [label for label, size in sizes.items() for _ in range(size)]
    return load(
        [
            {"prompt": f"q{i}", "completion": answer, "side": i % 2}
            for i, answer in enumerate(answers)
        ],
        **columns,
    )


def answers(data: Dataset) -> Counter[str]:
    return Counter(example.answer for example in data)


def test_every_label_is_held_out_in_its_share() -> None:
    sizes = {"a": 200, "b": 70, "c": 30, "d": 10}
    split = labelled(sizes).split(test=0.1, stratify_by="label")
    assert answers(split.held_out) == {"a": 20, "b": 7, "c": 3, "d": 1}
    assert split.notes == ("adding rows may move old ones: the shares of 'label' are fitted anew",)


def test_a_random_split_would_not_do_so() -> None:
    data = labelled({"a": 200, "b": 70, "c": 30, "d": 10})
    exact = {"a": 20, "b": 7, "c": 3, "d": 1}
    assert sum(answers(data.split(test=31, seed=seed)[1]) == exact for seed in range(20)) < 4


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(2, 60), min_size=2, max_size=8), st.integers(0, 99))
def test_no_label_is_a_whole_row_off_where_rows_are_alone(sizes: list[int], seed: int) -> None:
    data = labelled({f"l{i}": size for i, size in enumerate(sizes)})
    wanted = max(1, round(0.25 * len(data)))
    held = data.split(test=wanted, seed=seed, stratify_by="label")[1]
    assert len(held) == wanted
    found = answers(held)
    for i, size in enumerate(sizes):
        assert abs(found[f"l{i}"] - size * wanted / len(data)) < 1


def test_no_group_crosses_and_the_labels_that_suffer_are_named() -> None:
    data = load(
        [
            {"prompt": f"q{i}", "completion": "xy"[i % 2], "group": i // 20 if i % 2 else 99 + i}
            for i in range(200)
        ]
    )
    split = data.split(test=0.15, group_by="group", stratify_by="label")
    train, held = split
    assert set(train.values("group")) & set(held.values("group")) == set()
    assert answers(held)["x"] == 15 and answers(held)["y"] in (10, 20)
    assert "1 values of 'label' are more than a row off their share" in split.notes[0]
    assert "'y' (" in split.notes[0]


def test_components_of_several_labels_do_not_tip_the_shares() -> None:
    dice = random.Random(3)
    data = load(
        [
            {"prompt": f"q{i}", "completion": dice.choice("abc"), "group": dice.randrange(250)}
            for i in range(400)
        ]
    )
    for seed in range(5):
        train, held = data.split(test=0.2, seed=seed, group_by="group", stratify_by="label")
        assert set(train.values("group")) & set(held.values("group")) == set()
        for label, total in answers(data).items():
            assert abs(answers(held)[label] - 0.2 * total) <= 3


def test_a_rare_label_is_not_held_out_too_often_for_the_sake_of_a_frequent_one() -> None:
    """Five groups of ten frequent rows and two rare ones; a fifth of the rare ones is two."""
    rows = [("a" if i % 12 < 10 else "b", i // 12) for i in range(60)] + [("a", "")] * 150
    data = load([{"prompt": f"q{i}", "completion": a, "group": g} for i, (a, g) in enumerate(rows)])
    for seed in range(20):
        held = data.split(test=0.2, seed=seed, group_by="group", stratify_by="label").held_out
        assert answers(held)["a"] == 40 and answers(held)["b"] in (0, 2)


def test_a_label_of_one_row_is_trained_on_whatever_its_group_would_do_for_others() -> None:
    rows = [(answer, group) for group in (1, 2) for answer in "aabbccddee"] + [("rare", 1)]
    data = load([{"prompt": f"q{i}", "completion": a, "group": g} for i, (a, g) in enumerate(rows)])
    made = 0
    for seed in range(40):
        try:
            train, _ = data.split(test=0.5, seed=seed, group_by="group", stratify_by="label")
        except DataError:  # neither group was drawn
            continue
        made += 1
        assert "rare" in answers(train)
    assert made > 5


def test_labels_with_too_few_rows_are_named() -> None:
    split = labelled({"a": 96, "b": 1, "c": 3}).split(test=0.1, stratify_by="label")
    assert answers(split.held_out) == {"a": 10}
    assert split.notes[0].startswith("2 of 3 values of 'label' have no held-out row")
    assert "'b' (1), 'c' (3)" in split.notes[0]


def test_where_most_labels_are_rare_the_share_cannot_be_held() -> None:
    rare = {f"l{i}": 1 for i in range(18)}
    with pytest.raises(DataError, match="of 20 rows should be held out.*only 1 can be"):
        labelled({"a": 2, **rare}).split(test=6, stratify_by="label")


def test_a_column_may_be_what_is_shared_out() -> None:
    split = labelled({"a": 50, "b": 50}).split(test=0.2, stratify_by="side")
    assert Counter(split.held_out.values("side")) == {0: 10, 1: 10}
    with pytest.raises(DataError, match="no column 'sied'; did you mean 'side'"):
        labelled({"a": 5}).split(stratify_by="sied")


def test_a_column_named_label_comes_before_the_answer() -> None:
    data = load([{"prompt": f"q{i}", "completion": "x", "label": i % 4} for i in range(40)])
    assert Counter(data.split(test=4, stratify_by="label")[1].values("label")) == dict.fromkeys(
        range(4), 1
    )


def test_values_that_never_repeat_cannot_be_shared_out() -> None:
    with pytest.raises(DataError, match="no value stands in two rows"):
        labelled({f"l{i}": 1 for i in range(20)}).split(stratify_by="label")


@pytest.mark.parametrize("other", [{"time_by": "side"}, {"previous": (1, 2)}])
def test_it_goes_with_no_other_way_to_choose(other: Any) -> None:
    with pytest.raises(ConfigError, match="stratify_by= and .* cannot go together"):
        labelled({"a": 9}).split(stratify_by="label", **other)


@needs_published
def test_77_intents_are_all_held_out_in_their_share() -> None:
    rows = banking77()
    data = load([{"prompt": text, "completion": intent} for text, intent in rows])
    held = answers(data.split(test=0.1, stratify_by="label").held_out)
    sizes = Counter(intent for _, intent in rows)
    assert max(abs(held[intent] - 0.1 * size) for intent, size in sizes.items()) <= 1
