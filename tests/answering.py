"""Stand-ins for a model handle whose answers a test decides, for tests that are not about the handle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import ftkit
from ftkit.backend import ModelRecord, Score, Usage
from ftkit.data import Dataset, Example
from ftkit.models import Model, Reply


@dataclass
class Answering:
    """Answers row `i` with `answer(i, example)`; `asked` keeps the options of every call of `map`."""

    record: ModelRecord
    answer: Callable[[int, Example], str]
    finish_reason: str = "stop"
    nll: float = 1.0
    asked: list[dict[str, Any]] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def tuned(self) -> bool:
        return self.record.tuned

    def map(self, questions: Iterable[Example], **options: Any) -> list[Reply]:
        self.asked.append(options)
        return [
            Reply(self.answer(index, example), self.id, self.finish_reason, Usage(10, 2))
            for index, example in enumerate(questions)
        ]

    def score(self, examples: Iterable[Example], **options: Any) -> list[Score]:
        return [Score(self.nll * (4 + i % 3), 4) for i, _ in enumerate(examples)]


def model(answer: Callable[[int, Example], str], native: str = "tuned", **record: Any) -> Model:
    """A stand-in handle; fields of its record as keywords."""
    made = ModelRecord(**{"instance": "local", "native": native, "base": "base", **record})
    return cast(Model, Answering(made, answer))


def base(answer: Any = lambda index, example: "wrong", **record: Any) -> Any:
    """A stand-in for the base of `model`, wrong everywhere unless told otherwise."""
    return model(answer, native="base", **record)


def right_on(rows: Iterable[int]) -> Callable[[int, Example], str]:
    """Right on these rows (counted from 0), "wrong" elsewhere."""
    known = frozenset(rows)
    return lambda index, example: example.answer if index in known else "wrong"


def rows(count: int, answers: Sequence[str] = ("billing", "shipping", "other")) -> Dataset:
    """`count` rows with different questions and these answers in turn."""
    return ftkit.load(
        [
            {"prompt": f"question number {index}", "completion": answers[index % len(answers)]}
            for index in range(count)
        ]
    )
