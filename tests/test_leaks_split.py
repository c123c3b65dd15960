"""Copies planted in published sets never end up on the other side of a split; the judge sees it where they do."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pytest

from ftkit.data import Dataset, known, load
from tests.published_data import banking77, e2e, gsm8k, needs_published
from tests.test_leaks import edited, runs

NAMES = ["banking77", "gsm8k", "e2e"]
FEWEST = 20  # runs of a question that is compared at all


@dataclass(frozen=True)
class Planted:
    """Questions, and which of them (counted from 0) are copies of which."""

    texts: list[str]
    pairs: dict[str, list[tuple[int, int]]]


@cache
def planted(name: str) -> Planted:
    """A thousand questions of a published set, and 100 copies of each kind among them."""
    source = {
        "banking77": banking77,
        "gsm8k": gsm8k,
        "e2e": lambda: [pair[::-1] for pair in e2e()],
    }[name]()
    dice = random.Random(11)
    known = sorted({question for question, _ in source if len(runs(question)) >= 30})
    dice.shuffle(known)
    texts, pairs = known[:1_000], {"exact": [], "plain": [], "near": []}
    change: dict[str, Callable[[str], str | None]] = {
        "exact": lambda text: text,
        "plain": lambda text: text.upper().replace(" ", "  ") + " !",
        "near": lambda text: edited(text, dice),
    }
    for at in range(300):
        kind = list(pairs)[at % 3]
        if (copy := change[kind](texts[at])) is not None:
            pairs[kind].append((at, len(texts)))
            texts.append(copy)
    assert min(map(len, pairs.values())) >= 80
    return Planted(texts, pairs)


def made(texts: list[str]) -> Dataset:
    return load([{"prompt": text, "completion": f"answer {i}"} for i, text in enumerate(texts)])


def crossing(sides: tuple[Dataset, Dataset], pairs: list[tuple[int, int]]) -> int:
    """Pairs of which each side holds one."""
    train = {row.number - 1 for row in sides[0].rows}
    return sum((one in train) != (other in train) for one, other in pairs)


def alike(sides: tuple[Dataset, Dataset]) -> list[tuple[str, str]]:
    """Every pair across that is equal but for how it is written, or has a Jaccard similarity of 0.8, by comparing all."""
    read = [
        [(text := example.prompt[-1].content, runs(text), _plain(text)) for example in part]
        for part in sides
    ]
    return [
        (one, other)
        for one, own, plain in read[0]
        for other, theirs, again in read[1]
        if plain == again
        or (
            FEWEST <= len(own) <= 1.25 * len(theirs)
            and FEWEST <= len(theirs) <= 1.25 * len(own)
            and len(own & theirs) >= 0.8 * len(own | theirs)
        )
    ]


@needs_published
@pytest.mark.parametrize("name", NAMES)
def test_no_planted_copy_crosses_the_split(name: str) -> None:
    given = planted(name)
    data = made(given.texts)
    for seed in range(3):
        sides = data.split(seed=seed)
        assert sides.notes == ()
        assert {kind: crossing(sides, pairs) for kind, pairs in given.pairs.items()} == {
            "exact": 0,
            "plain": 0,
            "near": 0,
        }
    assert alike(sides) == []


@needs_published
@pytest.mark.parametrize("name", NAMES)
def test_no_planted_copy_crosses_the_folds(name: str) -> None:
    given = planted(name)
    for fold in made(given.texts).folds(5):
        assert sum(crossing(fold, pairs) for pairs in given.pairs.values()) == 0


@needs_published
@pytest.mark.parametrize("name", NAMES)
def test_the_judge_sees_what_a_split_by_rows_lets_through(name: str) -> None:
    given = planted(name)
    data = made(given.texts)
    out = set(random.Random(0).sample(range(len(data)), len(data) // 10))
    train = data.select(row for row in range(len(data)) if row not in out)
    sides = train, data.select(sorted(out))
    assert all(crossing(sides, pairs) >= 5 for pairs in given.pairs.values())
    assert len(alike(sides)) >= 15


@needs_published
@pytest.mark.parametrize("name", NAMES)
def test_the_judge_sees_near_copies_where_they_are_not_looked_for(name: str) -> None:
    given = planted(name)
    sides = made(given.texts).split(near=False)
    assert crossing(sides, given.pairs["exact"]) == crossing(sides, given.pairs["plain"]) == 0
    assert crossing(sides, given.pairs["near"]) >= 5
    assert alike(sides)


@needs_published
def test_the_judge_sees_copies_that_are_written_in_another_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = planted("banking77")
    monkeypatch.setattr(known, "normalised", str)
    sides = made(given.texts).split(near=False)
    assert crossing(sides, given.pairs["plain"]) >= 5
    assert alike(sides)


@needs_published
def test_several_descriptions_of_one_restaurant_stay_on_one_side() -> None:
    rows = [{"text": text, "what": what} for what, text in e2e()]
    data = load(rows, prompt="text", completion="what")
    train, held = data.split(group_by="what")
    assert set(train.values("what")) & set(held.values("what")) == set()
    by_rows = data.split(near=False)
    assert set(by_rows[0].values("what")) & set(by_rows[1].values("what"))


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()
