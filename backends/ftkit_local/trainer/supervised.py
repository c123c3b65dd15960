"""Supervised training: the cross-entropy of every learned token, in nats.

No attention mask is passed: padding stands on the right, and a causal model's tokens never look there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ftkit.data.tokens import IGNORED
from ftkit_local.trainer.chunked_loss import labelled_loss
from ftkit_local.trainer.gradients import Work
from ftkit_local.trainer.rows import TrainingRow

if TYPE_CHECKING:
    from torch import Tensor


class Supervised:
    """The Objective of conversations."""

    def summed_loss(self, model: Any, rows: Sequence[TrainingRow], work: Work) -> Tensor:
        """Nats of all learned tokens of the rows."""
        import torch

        longest = max(row.length for row in rows)
        ids = torch.full((len(rows), longest), work.pad_id)
        labels = torch.full((len(rows), longest), IGNORED)
        for index, row in enumerate(rows):
            ids[index, : row.length] = torch.tensor(row.ids)
            labels[index, : row.length] = torch.tensor(row.labels)
        ids, labels = ids.to(work.device), labels.to(work.device)
        learned = labels != IGNORED
        return labelled_loss(model, ids, learned, labels[:, 1:][learned[:, 1:]])

    def figures(self) -> dict[str, float]:
        """Nothing: the loss says it."""
        return {}
