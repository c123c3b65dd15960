"""Rows that every family's tokens are judged on, as examples and as the trainer reads them from a file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ftkit.catalogue.schema import Catalogue
from ftkit.data.example import Example, Message
from ftkit.data.tokens import IGNORED, Rendered
from ftkit_local.trainer.rows import TrainingRow, read_rows
from ftkit_local.trainer.spec import SpecFile
from ftkit_local.training import LocalTraining
from tests.families import FAMILIES, opened, published
from tests.token_rows import ASK, FOREIGN, PLAIN, SYSTEM, TOOLS

REASONED = Message("assistant", "<think>\nIt left on Monday.\n</think>\n\nIn the van.")
REASONING = {
    "reasoned": Example((ASK, REASONED)),
    "reasoned turns": Example((SYSTEM, ASK, REASONED, FOREIGN, REASONED)),
}
LONG = PLAIN["all"]


def rows_of(family: str) -> dict[str, Example]:
    return {**PLAIN, **REASONING, **(TOOLS if FAMILIES[family].tools else {})}


def answers_of(example: Example) -> list[int]:
    return [n for n, message in enumerate(example.messages) if message.role == "assistant"]


def prompts_of(sequences: Sequence[Rendered | TrainingRow]) -> list[tuple[int, ...]]:
    """The ids before each run of trained tokens."""
    return [
        one.ids[:index]
        for one in sequences
        for index, label in enumerate(one.labels)
        if label != IGNORED and one.labels[index - 1] == IGNORED
    ]


def up_to_its_end(ids: Sequence[int], family: str) -> list[int]:
    """Without what a template writes behind the last control token, which nobody asks a model for."""
    control = control_of(family)
    return list(ids[: max(n for n, id in enumerate(ids) if id in control) + 1])


@cache
def control_of(family: str) -> dict[int, str]:
    """The tokens that the published tokenizer.json calls special."""
    added = json.loads((published(family) / "tokenizer.json").read_text("utf-8"))["added_tokens"]
    return {token["id"]: token["content"] for token in added if token["special"]}


def read(examples: Sequence[Example | dict[str, Any]], family: str, folder: Path) -> Any:
    """The rows as the trainer reads them from a file."""
    training = LocalTraining(folder, Catalogue())
    lines = [
        json.dumps(one).encode() if isinstance(one, dict) else training.encode(one)
        for one in examples
    ]
    path = folder / "rows.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")
    spec = SpecFile(path=path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    return read_rows(spec, opened(family)[0], train_on="assistant", max_length=600)


def runs_of(marks: Sequence[bool], ids: Sequence[int]) -> list[list[int]]:
    """The ids of each run of marked places."""
    found: list[list[int]] = []
    for n, mark in enumerate(marks):
        if mark:
            if not n or not marks[n - 1]:
                found.append([])
            found[-1].append(ids[n])
    return found
