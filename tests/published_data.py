"""Published data sets for tests, read where they lie: FTKIT_TEST_DATA, or shared/data beside the project.

Tests that need them are skipped elsewhere. banking77 (CC BY 4.0), gsm8k (MIT) and e2e (CC BY-SA 4.0) are not copied here.
"""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("FTKIT_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))

needs_published = pytest.mark.skipif(
    not (FOLDER / "banking77_train.csv").is_file(),
    reason="the published data sets are not at hand; FTKIT_TEST_DATA names their folder",
)


def banking77() -> list[tuple[str, str]]:
    """(question, one of 77 intents), 10,003 times, sorted by intent."""
    return _columns("banking77_train.csv", "text", "category")


def e2e() -> list[tuple[str, str]]:
    """(attributes of a restaurant, a description of it), 4,672 times; several descriptions of each."""
    return _columns("e2e_nlg_dev.csv", "mr", "ref")


def gsm8k() -> list[tuple[str, str]]:
    """(question, worked answer), 7,473 times."""
    text = (FOLDER / "gsm8k_train.jsonl").read_text("utf-8")
    rows = map(json.loads, filter(None, text.split("\n")))
    return [(row["question"], row["answer"]) for row in rows]


def _columns(name: str, one: str, other: str) -> list[tuple[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return [(row[one], row[other]) for row in csv.DictReader(file)]
