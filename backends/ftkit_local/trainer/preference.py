"""Direct preference optimisation (arXiv 2305.18290, equation 7): the better answer shall gain on the worse one.

The reference is the model that training starts from. It never changes, so the log-probabilities of all answers under it are
taken once, before step 1: that is the same as switching a fresh adapter off in every step, and costs one pass a run. Where
training goes on from an adapter, the reference is that adapter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ftkit.data.tokens import IGNORED
from ftkit_local.projection import labelled_logits
from ftkit_local.trainer.batches import micro_batches
from ftkit_local.trainer.gradients import Work
from ftkit_local.trainer.pairs import PairRow

if TYPE_CHECKING:
    from torch import Tensor


class Preference:
    """The Objective of preference pairs, each of weight 1: -log sigmoid(margin).

    The margin is beta times how much more the better answer has gained on its reference than the worse one, in nats.
    """

    def __init__(self, beta: float) -> None:
        self._beta = beta
        self._margins: list[float] = []

    def summed_loss(self, model: Any, rows: Sequence[PairRow], work: Work) -> Tensor:
        """The losses of the pairs, both answers of which go through one forward pass."""
        import torch

        policy = answer_log_probs(model, rows, work)
        reference = torch.tensor([row.reference for row in rows], dtype=policy.dtype)
        gained = policy - reference.to(policy.device)
        margins = self._beta * (gained[:, 0] - gained[:, 1])
        self._margins += margins.tolist()
        return -torch.nn.functional.logsigmoid(margins).sum()

    def figures(self) -> dict[str, float]:
        """`accuracy` is the share of pairs whose better answer is ahead, `margin` the mean, since this was last asked."""
        margins, self._margins = self._margins, []
        if not margins:
            return {}
        ahead = sum(margin > 0 for margin in margins)
        return {"accuracy": ahead / len(margins), "margin": sum(margins) / len(margins)}


def with_reference(
    model: Any, rows: Sequence[PairRow], work: Work, interrupted: Callable[[], None]
) -> list[PairRow]:
    """The rows with the log-probabilities that the model as it is now gives to their answers."""
    import torch

    known: dict[int, tuple[float, float]] = {}
    model.eval()
    with torch.no_grad():
        for piece in micro_batches([row.length for row in rows], work.token_budget):
            interrupted()
            both = answer_log_probs(model, [rows[index] for index in piece], work).tolist()
            known |= {index: (one[0], one[1]) for index, one in zip(piece, both, strict=True)}
    model.train()
    return [replace(row, reference=known[index]) for index, row in enumerate(rows)]


def answer_log_probs(model: Any, rows: Sequence[PairRow], work: Work) -> Tensor:
    """Summed log-probabilities [pairs, 2] of the tokens of the better and of the worse answer, in nats.

    No attention mask is passed: padding stands on the right, and a causal model's tokens never look there.
    """
    import torch

    sequences = [each for row in rows for each in (row.better, row.worse)]
    longest = max(len(one.ids) for one in sequences)
    ids = torch.full((len(sequences), longest), work.pad_id)
    labels = torch.full((len(sequences), longest), IGNORED)
    for index, one in enumerate(sequences):
        ids[index, : len(one.ids)] = torch.tensor(one.ids)
        labels[index, : len(one.ids)] = torch.tensor(one.labels)
    ids, labels = ids.to(work.device), labels.to(work.device)
    learned = labels != IGNORED
    logits = labelled_logits(model, ids, None, learned)
    targets = labels[:, 1:][learned[:, 1:]]
    each = -torch.nn.functional.cross_entropy(logits.float(), targets, reduction="none")
    of_each = each.split(learned[:, 1:].sum(1).tolist())
    return torch.stack([log_probs.sum() for log_probs in of_each]).view(-1, 2)
