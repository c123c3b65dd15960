"""Runs on tiny models for the tests of the local trainer: a home, a base, rows, and a prepared or finished run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ftkit.backend import Resolved, TrainRequest
from ftkit.catalogue.schema import Catalogue
from ftkit.data.example import Example, Message
from ftkit.data.token_counts import count_row
from ftkit.data.tokens import Counts
from ftkit.hyperparameters import Hyperparameters, Method
from ftkit_local.pricing import LocalPricing
from ftkit_local.runs import RunFolder
from ftkit_local.training import LocalTraining

QUESTIONS = ("Where is my parcel?", "Please cancel my order", "The capital of Peru", "refund money")
Row = Sequence[Message] | Example
ANSWERS = ("shipping", "billing: order 4512", "Lima", "billing", "other label")


def conversation(number: int, system: str | None = "You route tickets.") -> list[Message]:
    """A row that differs from every other number's, of varying length."""
    question = f"{QUESTIONS[number % 4]} number {number}" + " please" * (number % 5)
    turns = [Message("user", question), Message("assistant", ANSWERS[number % 5])]
    return [Message("system", system), *turns] if system else turns


def as_example(row: Row) -> Example:
    """A row of turns as an example."""
    return row if isinstance(row, Example) else Example(tuple(row))


def pair(number: int, better: str | None = None, worse: str = "no idea") -> Example:
    """A preference pair about the ticket of that number, its answers of different lengths."""
    prompt = conversation(number)[:-1]
    answer = Message("assistant", better or ANSWERS[number % 5])
    return Example((*prompt, answer), rejected=(Message("assistant", worse),))


@dataclass(frozen=True)
class Home:
    """A home, and the base that its runs start from: a folder or a name of the catalogue.

    Runs keep a checkpoint after every `checkpoint_steps` steps, where that is set.
    """

    path: Path
    base_folder: Path | str
    catalogue: Catalogue = field(default_factory=Catalogue)
    checkpoint_steps: int | None = None

    @property
    def training(self) -> LocalTraining:
        return LocalTraining(self.path, self.catalogue, self.checkpoint_steps)

    @property
    def pricing(self) -> LocalPricing:
        return LocalPricing(self.path, self.catalogue)

    def file(self, rows: Sequence[Row]) -> Path:
        """The rows encoded into a file named by its content."""
        content = b"".join(self.training.encode(as_example(row)) + b"\n" for row in rows)
        path = self.path / "uploads" / hashlib.sha256(content).hexdigest()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def resolve(
        self, rows: Sequence[Row], method: Method = Method.LORA, **settings: Any
    ) -> Resolved:
        """The run that pricing makes of these rows."""
        base = self.training.base(str(self.base_folder))
        renderer = self.training.renderer(base)
        assert renderer is not None
        counted = [count_row(as_example(row), renderer) for row in rows]
        counts = Counts(
            rows=len(rows),
            tokens=sum(count.tokens for count in counted),
            trained_tokens=sum(count.trained for count in counted),
            lengths=tuple(tokens for count in counted for tokens, _ in count.sequences),
            pairs=tuple(count.pair for count in counted if count.pair is not None),
        )
        return self.pricing.resolve(base, method, Hyperparameters(**settings), counts)

    def request(
        self,
        key: str,
        rows: Sequence[Row] | None = None,
        validation: Sequence[Row] | None = None,
        method: Method = Method.LORA,
        **settings: Any,
    ) -> TrainRequest:
        """A request with everything decided; twelve rows of one tiny conversation unless told otherwise."""
        rows = [conversation(n) for n in range(12)] if rows is None else rows
        resolved = self.resolve(rows, method, **({"batch_size": 4, "epochs": 1} | settings))
        return TrainRequest(
            key=key,
            base=resolved.base,
            method=method,
            hyperparameters=resolved.hyperparameters,
            steps=resolved.steps,
            train_file=self.file(rows),
            validation_file=None if validation is None else self.file(validation),
            record={
                "instance": "local",
                "native": key,
                "base": resolved.base.id,
                "rows": len(rows),
            },
        )

    def run(self, key: str) -> RunFolder:
        """The folder of a run."""
        return RunFolder(self.path / "runs" / key)


def rewrite_spec(run: RunFolder, **changes: Any) -> None:
    """Change fields of a prepared spec."""
    spec = json.loads(run.spec.read_text())
    run.spec.write_text(json.dumps(spec | changes))
