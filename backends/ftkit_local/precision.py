"""The number format in which a run multiplies the weights that it does not train.

On a CUDA GPU bf16 is the format of the whole base and of its activations. On a processor bf16 is for the products with frozen
matrices alone: sums, activations, norms, attention, logits and all that is trained stay fp32, so that the loss hardly moves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ftkit.errors import CapabilityError
from ftkit.hyperparameters import Method

if TYPE_CHECKING:
    import torch

Precision = Literal["fp32", "bf16"]


def usual_precision(method: Method, device: torch.device) -> Precision:
    """bf16 under an adapter on a GPU that has it, else fp32: a processor rounds nothing unless it is told to."""
    return "bf16" if method is not Method.FULL and _gpu_has_bf16(device) else "fp32"


def refuse_impossible(precision: Precision, method: Method, device: torch.device) -> None:
    """Raise CapabilityError where this device or method has no bf16."""
    if precision == "fp32":
        return
    if method is Method.FULL:
        raise CapabilityError(
            "precision bf16 is for weights that are not trained; leave it out, or use method lora"
        )
    if method is Method.QLORA and device.type == "cpu":
        raise CapabilityError(
            "precision bf16: weights in 4 bits are multiplied in fp32 on a processor; leave it out"
        )
    if device.type != "cpu" and not _gpu_has_bf16(device):
        raise CapabilityError(f"precision bf16: {device} has no bf16; leave it out")


def _gpu_has_bf16(device: torch.device) -> bool:
    if device.type != "cuda":
        return False
    import torch

    return bool(torch.cuda.is_bf16_supported(including_emulation=False))
