"""Output head and cross-entropy together, some labelled positions at a time.

The logits of all labelled positions, their softmax and the gradients of both would be the largest tensors of a step. Here
forward computes the gradient as well and keeps what is as small as the hidden states; backward only scales it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.autograd.function import once_differentiable

from ftkit_local.matrix_products import linear
from ftkit_local.projection import head_weight, labelled_hidden, labelled_logits

if TYPE_CHECKING:
    from torch import Tensor

CHUNK_BYTES = 32 * 2**20  # of logits; smaller costs speed, larger gains none


def labelled_loss(model: Any, ids: Tensor, learned: Tensor, targets: Tensor) -> Tensor:
    """Summed nats of `targets`, the tokens of `ids` [batch, length] where `learned` is True, the first of a row left out.

    A head that is more than one product, or that an adapter changes, gets its whole logits and torch's cross-entropy.
    """
    weight = head_weight(model)
    if weight is None:
        logits = labelled_logits(model, ids, None, learned)
        return torch.nn.functional.cross_entropy(logits.float(), targets, reduction="sum")
    if not torch.is_grad_enabled():
        weight = weight.detach()  # else its gradient would be computed for nothing
    hidden = labelled_hidden(model, ids, None, learned)
    loss: Tensor = ChunkedLoss.apply(hidden, weight, targets)
    return loss


class ChunkedLoss(torch.autograd.Function):  # type: ignore[misc]
    """Summed nats of `targets` [n] under the logits hidden [n, h] @ weight [vocabulary, h].T; softmax in fp32 at least."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        wide = torch.promote_types(hidden.dtype, torch.float32)
        size = max(1, CHUNK_BYTES // (weight.shape[0] * wide.itemsize))
        wants_hidden, wants_weight, _ = ctx.needs_input_grad
        grad_hidden = torch.empty_like(hidden) if wants_hidden else None
        grad_weight = torch.zeros_like(weight) if wants_weight else None
        exact = torch.float32 if hidden.device.type == "mps" else torch.float64  # MPS has no fp64
        total = torch.zeros((), device=hidden.device, dtype=exact)
        for first in range(0, hidden.shape[0], size):
            part = slice(first, first + size)
            logits = linear(hidden[part], weight).to(wide)
            wanted = targets[part, None]
            at_target = logits.gather(1, wanted)
            highest = logits.amax(1, keepdim=True)
            mass = logits.sub_(highest).exp_().sum(1, keepdim=True)
            total += (mass.log() + highest - at_target).sum(dtype=exact)
            if grad_hidden is None and grad_weight is None:
                continue
            slope = logits.div_(mass).scatter_add_(1, wanted, -torch.ones_like(at_target))
            slope = slope.to(hidden.dtype)
            if grad_hidden is not None:
                grad_hidden[part] = linear(slope, weight.t())
            if grad_weight is not None:
                grad_weight += linear(slope.t(), hidden[part].t())
        ctx.save_for_backward(grad_hidden, grad_weight)
        return total.to(wide)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        grad_hidden, grad_weight = ctx.saved_tensors
        return (
            None if grad_hidden is None else grad_hidden * grad,
            None if grad_weight is None else grad_weight.mul_(grad),
            None,
        )
