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
from ftkit.data.tokens import Counts
from ftkit.hyperparameters import Hyperparameters, Method
from ftkit_local.pricing import LocalPricing
from ftkit_local.runs import RunFolder
from ftkit_local.training import LocalTraining

QUESTIONS = ("Where is my parcel?", "Please cancel my order", "The capital of Peru", "refund money")
ANSWERS = ("shipping", "billing: order 4512", "Lima", "billing", "other label")


def conversation(number: int, system: str | None = "You route tickets.") -> list[Message]:
    """A row that differs from every other number's, of varying length."""
    question = f"{QUESTIONS[number % 4]} number {number}" + " please" * (number % 5)
    turns = [Message("user", question), Message("assistant", ANSWERS[number % 5])]
    return [Message("system", system), *turns] if system else turns


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

    def file(self, rows: Sequence[Sequence[Message]]) -> Path:
        """The rows encoded into a file named by its content."""
        content = b"".join(self.training.encode(Example(tuple(row))) + b"\n" for row in rows)
        path = self.path / "uploads" / hashlib.sha256(content).hexdigest()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def resolve(
        self, rows: Sequence[Sequence[Message]], method: Method = Method.LORA, **settings: Any
    ) -> Resolved:
        """The run that pricing makes of these rows."""
        base = self.training.base(str(self.base_folder))
        renderer = self.training.renderer(base)
        assert renderer is not None
        rendered = [renderer.render(row)[0] for row in rows]
        counts = Counts(
            rows=len(rows),
            tokens=sum(len(row.ids) for row in rendered),
            trained_tokens=sum(row.trained for row in rendered),
            lengths=tuple(len(row.ids) for row in rendered),
        )
        return self.pricing.resolve(base, method, Hyperparameters(**settings), counts)

    def request(
        self,
        key: str,
        rows: Sequence[Sequence[Message]] | None = None,
        validation: Sequence[Sequence[Message]] | None = None,
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
