"""The sample tickets: what a label may be, that templates do not give each other away, and that
copying the label of the most similar training ticket is no way to pass."""

import importlib.util
import itertools
import json
import random
import re
from collections import Counter
from collections.abc import Hashable, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ftkit.samples import TICKETS_SYSTEM, tickets_path

SCRIPT = Path(__file__).resolve().parents[1] / "tools" / "write_tickets.py"
QUEUES = {
    "billing",
    "shipping",
    "returns",
    "account",
    "technical",
    "product",
    "privacy",
    "wholesale",
}
SEEDS = range(5)

Row = dict[str, str]
Grams = frozenset[Hashable]


@cache
def tickets() -> tuple[Row, ...]:
    lines = tickets_path().read_text(encoding="utf-8").splitlines()
    return tuple(json.loads(line) for line in lines)


@cache
def labels() -> tuple[dict[str, Any], ...]:
    return tuple(json.loads(row["completion"]) for row in tickets())


@cache
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_tickets", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def five_grams(items: Sequence[str]) -> Grams:
    return frozenset(tuple(items[i : i + 5]) for i in range(max(1, len(items) - 4)))


def jaccard(a: Grams, b: Grams) -> float:
    shared = len(a & b)
    return shared / (len(a) + len(b) - shared)


@cache
def grams(by: str) -> tuple[Grams, ...]:
    texts = [row["prompt"].lower().split() for row in tickets()]
    return tuple(five_grams(words if by == "words" else " ".join(words)) for words in texts)


def split(seed: int) -> tuple[list[int], list[int]]:
    """Row numbers to train on and to hold out: one template in six is held out whole."""
    templates = sorted({row["template"] for row in tickets()})
    random.Random(seed).shuffle(templates)
    held_out = set(templates[: len(templates) // 6])
    sides: tuple[list[int], list[int]] = ([], [])
    for i, row in enumerate(tickets()):
        sides[row["template"] in held_out].append(i)
    return sides


def test_there_are_600_tickets_of_three_fields() -> None:
    assert len(tickets()) == 600
    assert all(list(row) == ["prompt", "completion", "template"] for row in tickets())


def test_the_file_is_what_the_script_writes() -> None:
    assert tickets_path().read_bytes() == script().render()


def test_check_refuses_a_file_that_was_edited_by_hand(tmp_path: Path) -> None:
    copy = tmp_path / "tickets.jsonl"
    copy.write_bytes(tickets_path().read_bytes())
    assert script().main(["--check", "--path", str(copy)]) == 0
    copy.write_bytes(copy.read_bytes().replace(b"urgent", b"Urgent", 1))
    assert script().main(["--check", "--path", str(copy)]) == 1
    assert script().main(["--check", "--path", str(tmp_path / "absent.jsonl")]) == 1


def test_a_completion_is_compact_json_with_its_keys_in_order() -> None:
    for row, label in zip(tickets(), labels(), strict=True):
        assert list(label) == ["queue", "urgent"]
        assert label["queue"] in QUEUES
        assert label["urgent"] in (True, False)
        assert row["completion"] == json.dumps(label, separators=(",", ":"))


def test_no_two_tickets_are_the_same() -> None:
    prompts = Counter(" ".join(row["prompt"].lower().split()) for row in tickets())
    assert prompts.most_common(1)[0][1] == 1


def test_queues_are_balanced_and_a_third_of_each_is_urgent() -> None:
    queues = Counter(label["queue"] for label in labels())
    assert queues.keys() == QUEUES
    assert all(0.08 <= count / len(labels()) <= 0.18 for count in queues.values())
    for queue in QUEUES:
        urgent = sum(label["urgent"] for label in labels() if label["queue"] == queue)
        assert 0.25 <= urgent / queues[queue] <= 0.45, queue


def test_the_most_common_answer_is_rare() -> None:
    completions = Counter(row["completion"] for row in tickets())
    assert completions.most_common(1)[0][1] < 0.12 * len(tickets())


def test_a_template_is_used_two_to_four_times_and_has_one_queue() -> None:
    uses = Counter(row["template"] for row in tickets())
    assert len(uses) >= 200
    assert set(uses.values()) <= {2, 3, 4}
    for row, label in zip(tickets(), labels(), strict=True):
        assert row["template"].rpartition("-")[0] == label["queue"]


@pytest.mark.parametrize(
    ("urgent", "words"),
    [
        (True, r"(?<!not )urgent|\basap\b|immediately|tomorrow|today"),
        (False, r"\bno (rush|hurry)|not urgent|can wait|curio(us|sity)|just a suggestion"),
    ],
)
def test_plain_words_for_haste_and_for_patience_always_mean_it(urgent: bool, words: str) -> None:
    said = [
        (label["urgent"], row["prompt"])
        for row, label in zip(tickets(), labels(), strict=True)
        if re.search(words, row["prompt"], re.IGNORECASE)
    ]
    assert len(said) > 20
    assert [ticket for ticket in said if ticket[0] is not urgent] == []


def test_tickets_are_short_messages() -> None:
    lengths = [len(row["prompt"].split()) for row in tickets()]
    assert min(lengths) >= 8
    assert max(lengths) <= 45
    assert 22 <= sum(lengths) / len(lengths) <= 28


def test_no_slot_or_bracket_is_left_unfilled() -> None:
    for row in tickets():
        assert not re.search(r"[][{}|]|  | [,.?!;:]|\n", row["prompt"]), row["prompt"]


def test_the_system_prompt_does_not_give_the_labels_away() -> None:
    words = set(re.findall(r"\w+", TICKETS_SYSTEM.lower()))
    assert not words & (QUEUES | {"urgent", "true", "false"})
    assert len(words) <= 12


@pytest.mark.parametrize("by", ["words", "characters"])
def test_tickets_of_different_templates_are_worded_differently(by: str) -> None:
    rows = list(zip(tickets(), grams(by), strict=True))
    closest = max(
        (
            (jaccard(a, b), first["prompt"], second["prompt"])
            for (first, a), (second, b) in itertools.combinations(rows, 2)
            if first["template"] != second["template"]
        ),
    )
    assert closest[0] < 0.6, closest


@pytest.mark.parametrize("seed", SEEDS)
def test_copying_the_answer_of_the_nearest_training_ticket_fails(seed: int) -> None:
    train, held_out = split(seed)
    assert len(held_out) >= 80
    characters = grams("characters")
    right = 0
    for i in held_out:
        nearest = max(train, key=lambda j: jaccard(characters[i], characters[j]))
        right += tickets()[nearest]["completion"] == tickets()[i]["completion"]
    assert right / len(held_out) < 0.4
