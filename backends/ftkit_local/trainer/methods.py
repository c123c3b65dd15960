"""What a method changes in a run: how rows are read, what training lowers, and which weights are trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ftkit.data.tokens import Renderer
from ftkit.hyperparameters import Method
from ftkit_local.trainer.gradients import Objective, Row, Work
from ftkit_local.trainer.pairs import read_pairs
from ftkit_local.trainer.preference import Preference, with_reference
from ftkit_local.trainer.rows import read_rows
from ftkit_local.trainer.spec import Spec, SpecFile
from ftkit_local.trainer.supervised import Supervised


def rows_in(spec: Spec, file: SpecFile | None, renderer: Renderer) -> list[Any]:
    """The rows of one of the run's files; none where there is no file."""
    settings = spec.hyperparameters
    assert settings.train_on and settings.max_length
    if file is None:
        return []
    if spec.method is Method.DPO:
        return read_pairs(file, renderer, max_length=settings.max_length)
    return read_rows(file, renderer, train_on=settings.train_on, max_length=settings.max_length)


def objective_of(spec: Spec) -> Objective[Any]:
    """What training lowers."""
    if spec.method is Method.DPO:
        assert spec.hyperparameters.beta
        return Preference(spec.hyperparameters.beta)
    return Supervised()


def made_ready(
    spec: Spec, model: Any, rows: list[Any], work: Work, interrupted: Callable[[], None]
) -> list[Row]:
    """The rows with what has to be known of the model before its first step."""
    if spec.method is Method.DPO:
        return list(with_reference(model, rows, work, interrupted))
    return rows
