"""What the tuned models say to given questions, while they answer: the only part of a rescue that costs money.

Each model's answers go through `Model.map` into a file of their own, which the next run resumes; all models of one run
share one budget.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from ftkit.backend import Usage
from ftkit.config import Settings
from ftkit.data import Dataset
from ftkit.errors import AuthError, BudgetError, FtkitError, StorageError
from ftkit.registry import open_backend
from ftkit.rescuing.folder import Folder
from ftkit.rescuing.manifest import TakenJob
from ftkit.rescuing.names import file_name
from ftkit.rescuing.result import Missing
from ftkit.spending import Meter
from ftkit.submission.opening import open_model

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Questions:
    """What is asked: the rows, USD that all answers of a run may cost, tokens of one answer."""

    rows: Dataset
    max_cost_usd: Decimal
    max_tokens: int = 512
    allow_unpriced: bool = False


@dataclass(slots=True)
class Answered:
    """What came of it. `usd` is what this run's answers cost, None once a price was not known."""

    answers: int = 0
    usd: Decimal | None = Decimal(0)
    missing: list[Missing] = field(default_factory=list)


def answers_path(model: str) -> str:
    """Where the answers of a model lie in the folder."""
    return f"answers/{file_name(model)}.jsonl"


def ask_models(
    instance: str,
    jobs: Iterable[TakenJob],
    questions: Questions,
    folder: Folder,
    settings: Settings,
    progress: Progress,
) -> Answered:
    """Every model that a job has made, newest first, until the budget is used up."""
    made_by = {job.model: job.id for job in jobs if job.model and job.status == "succeeded"}
    came, closed = Answered(), ""
    for done, (native, job) in enumerate(made_by.items()):
        progress("models", done, len(made_by))
        place = folder.path / answers_path(native)
        place.parent.mkdir(exist_ok=True)
        before = len(_lines(place))
        try:
            if closed:
                raise BudgetError(closed)
            model = open_model(f"{instance}/{native}", settings)
            try:
                model.map(
                    questions.rows,
                    out=place,
                    max_cost_usd=questions.max_cost_usd - (came.usd or 0),
                    max_tokens=questions.max_tokens,
                    allow_unpriced=questions.allow_unpriced,
                )
            finally:  # what broke off has cost money too
                came.usd = _plus(
                    came.usd, Meter(open_backend(instance, settings), model.record), place, before
                )
        except (AuthError, StorageError):
            raise
        except FtkitError as error:
            came.missing.append(Missing("answers", job, native, str(error)))
            if isinstance(error, BudgetError):
                closed = f"not asked: the budget of {questions.max_cost_usd} USD is used up"
        came.answers += len(_lines(place))
    progress("models", len(made_by), len(made_by))
    return came


def _plus(spent: Decimal | None, meter: Meter, place: Path, before: int) -> Decimal | None:
    """What was spent, with the answers that are new in a file."""
    for line in _lines(place)[before:]:
        cost = meter.cost(Usage(**json.loads(line)["usage"]))
        spent = None if spent is None or cost is None else spent + cost
    return spent


def _lines(place: Path) -> list[bytes]:
    """The whole lines of a file of answers; one that a kill has cut is asked for again."""
    if not place.exists():
        return []
    return place.read_bytes().split(b"\n")[:-1]
