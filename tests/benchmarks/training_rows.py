"""Rows of the training benchmark, made of published data: short and long answers, short and long prompts."""

from __future__ import annotations

import csv
import json
import random
import re
from collections.abc import Callable
from pathlib import Path

Row = list[tuple[str, str]]


def e2e(data: Path) -> list[Row]:
    """A description to the JSON object of its attributes: about half of the tokens are learned."""
    with (data / "e2e_nlg_dev.csv").open(newline="", encoding="utf-8") as file:
        return [
            [("user", row["ref"]), ("assistant", json.dumps(_attributes(row["mr"])))]
            for row in csv.DictReader(file)
        ]


def banking77(data: Path) -> list[Row]:
    """A question to one of 77 labels: short rows."""
    return [[("user", text), ("assistant", label)] for text, label in _banking(data)]


def gsm8k(data: Path) -> list[Row]:
    """A word problem to its worked answer: long answers."""
    with (data / "gsm8k_train.jsonl").open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [[("user", row["question"]), ("assistant", row["answer"])] for row in rows]


def long_prompts(data: Path) -> list[Row]:
    """A question under a system prompt that names all labels: hundreds of tokens are read and a few learned."""
    rows = _banking(data)
    labels = sorted({label for _, label in rows})
    system = "Route the question. Answer with one label of: " + ", ".join(labels)
    return [[("system", system), ("user", text), ("assistant", label)] for text, label in rows]


# name: (rows, how many of them by default)
SHAPES: dict[str, tuple[Callable[[Path], list[Row]], int]] = {
    "e2e": (e2e, 160),
    "banking77": (banking77, 160),
    "gsm8k": (gsm8k, 80),
    "long prompts": (long_prompts, 32),
}


def sample(data: Path, shape: str, count: int) -> list[Row]:
    """`count` rows of a shape, always the same."""
    rows = SHAPES[shape][0](data)
    random.Random(0).shuffle(rows)
    return rows[:count]


def _attributes(text: str) -> dict[str, str]:
    return {name.strip(): value for name, value in re.findall(r"([\w ]+?)\[([^\]]*)\]", text)}


def _banking(data: Path) -> list[tuple[str, str]]:
    with (data / "banking77_train.csv").open(newline="", encoding="utf-8") as file:
        return [(row["text"], row["category"]) for row in csv.DictReader(file)]
