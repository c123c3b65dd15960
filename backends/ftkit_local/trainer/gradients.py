"""The gradients of one step. Losses are summed over its rows and divided by their whole weight, so that neither the split
into micro-batches nor padding nor the order of rows changes a gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ftkit.hyperparameters import Hyperparameters
from ftkit_local.trainer.batches import micro_batches

if TYPE_CHECKING:
    from torch import Tensor


class Row(Protocol):
    """What a step is made of: `number` in its file, padded `length` and `tokens` of it, those `trained`, and the `weight` of its loss."""

    @property
    def number(self) -> int: ...
    @property
    def length(self) -> int: ...
    @property
    def tokens(self) -> int: ...
    @property
    def trained(self) -> int: ...
    @property
    def weight(self) -> int: ...


R_contra = TypeVar("R_contra", bound=Row, contravariant=True)


class Objective(Protocol[R_contra]):
    """What training lowers."""

    def summed_loss(self, model: Any, rows: Sequence[R_contra], work: Work) -> Tensor:
        """The loss of some rows, each times its weight, summed up: a scalar with a graph."""

    def figures(self) -> dict[str, float]:
        """What else is worth telling of the rows since this was last asked."""


@dataclass(frozen=True, slots=True)
class Work:
    """A run with nothing left to decide: `token_budget` bounds the padded tokens of a micro-batch.

    `stop_after_s` is how long it may take for its cost, beside `max_time_s` of the hyperparameters.
    """

    hyperparameters: Hyperparameters
    steps: int
    token_budget: int
    pad_id: int
    device: Any
    objective: Objective[Any]
    stop_after_s: float | None = None


def accumulate_gradients(model: Any, rows: Sequence[Row], work: Work) -> float:
    """Add the gradients of one step's rows; returns its loss for each unit of weight, not finite if it is not."""
    weight = sum(row.weight for row in rows)
    total = 0.0
    for piece in micro_batches([row.length for row in rows], work.token_budget):
        loss = work.objective.summed_loss(model, [rows[index] for index in piece], work)
        (loss / weight).backward()
        total += loss.item()
    return total / weight


def mean_loss(model: Any, rows: Sequence[Row], work: Work) -> float:
    """Loss for each unit of weight without training, as held-out data is scored."""
    import torch

    model.eval()
    total = 0.0
    with torch.no_grad():
        for piece in micro_batches([row.length for row in rows], work.token_budget):
            some = [rows[index] for index in piece]
            total += work.objective.summed_loss(model, some, work).item()
    model.train()
    return total / sum(row.weight for row in rows)
