"""LoRA layers with a backward of their own: the same sums as PEFT's, no extra copies of activations, faster products.

Only `forward` of single layers is replaced: parameters, names and what PEFT saves stay PEFT's. A layer that is anything
but a plain Linear with one active adapter (4-bit, dropout, DoRA, trained bias) keeps PEFT's forward, and so does one that
is merged, switched off or given another dtype at the time of a call. Its frozen weight may be held in bf16 beside an adapter
and activations in fp32.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.autograd.function import once_differentiable

from ftkit_local.matrix_products import linear, linear_onto

if TYPE_CHECKING:
    from torch import Tensor


def lora_product(
    x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scaling: float
) -> tuple[Tensor, Tensor]:
    """x W^T + bias + scaling * x A^T B^T and scaling * x A^T. x is [n, in], A [rank, in], B [out, rank]."""
    low = linear(x, a).mul_(scaling)
    added = linear(low, b)
    if bias is not None:
        added += bias
    return linear_onto(added, x, weight), low


def lora_backward(
    grad: Tensor, weight: Tensor, a: Tensor, b: Tensor, low: Tensor, scaling: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of x, of B and of x A^T, from `grad` [n, out] and `low` = scaling * x A^T."""
    grad_low = linear(grad, b.t()).mul_(scaling)
    grad_x = linear_onto(linear(grad_low, a.t()), grad, weight.t())
    grad_b = linear(low.t(), grad.t()).t()  # turned, because few rows are the fast way
    return grad_x, grad_b, grad_low


class LoraProduct(torch.autograd.Function):  # type: ignore[misc]
    """x W^T + bias + scaling * x A^T B^T with W and bias frozen. It keeps x and x A^T."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        a: Tensor,
        b: Tensor,
        scaling: float,
    ) -> Tensor:
        flat = x.reshape(-1, x.shape[-1])
        out, low = lora_product(flat, weight, bias, a, b, scaling)
        ctx.save_for_backward(x, weight, a, b, low)
        ctx.scaling = scaling
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, a, b, low = ctx.saved_tensors
        flat = x.reshape(-1, x.shape[-1])
        grad = grad.reshape(-1, grad.shape[-1])
        grad_x, grad_b, grad_low = lora_backward(grad, weight, a, b, low, ctx.scaling)
        grad_a = linear(grad_low.t(), flat.t())
        return grad_x.view_as(x), None, None, grad_a, grad_b, None


class GatedProduct(torch.autograd.Function):  # type: ignore[misc]
    """The LoRA product of act(gate) * up, which is computed again in backward: it keeps gate and up alone."""

    @staticmethod
    def forward(
        ctx: Any,
        gate: Tensor,
        up: Tensor,
        act: Any,
        weight: Tensor,
        bias: Tensor | None,
        a: Tensor,
        b: Tensor,
        scaling: float,
    ) -> Tensor:
        x = (act(gate) * up).reshape(-1, up.shape[-1])
        out, low = lora_product(x, weight, bias, a, b, scaling)
        ctx.save_for_backward(gate, up, weight, a, b, low)
        ctx.act, ctx.scaling = act, scaling
        return out.view(*up.shape[:-1], -1)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        gate, up, weight, a, b, low = ctx.saved_tensors
        grad = grad.reshape(-1, grad.shape[-1])
        grad_x, grad_b, grad_low = lora_backward(grad, weight, a, b, low, ctx.scaling)
        grad_x = grad_x.view_as(up)
        with torch.enable_grad():
            leaf = gate.detach().requires_grad_()
            opened = ctx.act(leaf)
        product = opened.detach() * up
        grad_a = linear(grad_low.t(), product.reshape(-1, up.shape[-1]).t())
        grad_up = torch.mul(grad_x, opened.detach(), out=product)
        (grad_gate,) = torch.autograd.grad(opened, leaf, grad_x.mul_(up))
        return grad_gate, grad_up, None, None, None, grad_a, grad_b, None


def use_own_layers(model: Any) -> int:
    """Replace the forward of every LoRA layer of a PeftModel that fits; how many were."""
    from peft.tuners.lora.layer import Linear

    replaced = 0
    for module in model.modules():
        if type(module) is Linear and _weights(module) is not None:
            module.forward = partial(_lora_forward, module, module.forward)
            replaced += 1
    for module in model.modules():
        if _is_gated(module):
            module.forward = partial(_gated_forward, module, module.forward)
    return replaced


def hold_in_bf16(model: Any) -> int:
    """Round the frozen weight of every layer that has an own forward to bf16, in which it is multiplied from now on; how many."""
    from peft.tuners.lora.layer import Linear

    held = 0
    for module in model.modules():
        if type(module) is Linear and _weights(module) is not None:
            base = module.base_layer
            base.weight.data = base.weight.data.to(torch.bfloat16)
            base.forward = partial(_frozen_forward, base)  # where the adapter is switched off
            held += 1
    return held


def _frozen_forward(layer: Any, x: Any) -> Any:
    product = torch.nn.functional.linear(x.to(layer.weight.dtype), layer.weight).to(x.dtype)
    return product if layer.bias is None else product + layer.bias


def _weights(layer: Any) -> tuple[Any, ...] | None:
    """(weight, bias, A, B, scaling) of a LoRA layer that is a plain product at this moment, else None."""
    names = layer.active_adapters
    if layer.disable_adapters or layer.merged_adapters or len(names) != 1:
        return None
    (name,), base = names, layer.base_layer
    if name not in layer.lora_A or name in layer.lora_variant or type(base) is not torch.nn.Linear:
        return None
    a, b, dropout = layer.lora_A[name], layer.lora_B[name], layer.lora_dropout[name]
    if type(dropout) is not torch.nn.Identity or a.bias is not None or b.bias is not None:
        return None
    weight, bias = base.weight, base.bias
    if weight.requires_grad or (bias is not None and bias.requires_grad):
        return None
    if a.weight.dtype != b.weight.dtype or not _go_together(weight.dtype, a.weight.dtype):
        return None
    return weight, bias, a.weight, b.weight, layer.scaling[name]


def _go_together(frozen: torch.dtype, trained: torch.dtype) -> bool:
    return frozen in (trained, torch.bfloat16) and trained in (torch.float32, frozen)


def _fits(x: Any, adapter: Any) -> bool:
    return bool(x.dtype == adapter.dtype) and not torch.is_autocast_enabled(x.device.type)


def _lora_forward(layer: Any, original: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
    weights = None if args or kwargs else _weights(layer)
    if weights is None or not _fits(x, weights[2]):
        return original(x, *args, **kwargs)
    return LoraProduct.apply(x, *weights)


def _gated_forward(block: Any, original: Any, x: Any) -> Any:
    weights = _weights(block.down_proj)
    if weights is None or not _fits(x, weights[2]):
        return original(x)
    return GatedProduct.apply(block.gate_proj(x), block.up_proj(x), block.act_fn, *weights)


def _is_gated(block: Any) -> bool:
    """True for a feed-forward part that is down(act(gate(x)) * up(x)) bit for bit, and whose down is a layer of ours."""
    from peft.tuners.lora.layer import Linear

    names = ("gate_proj", "up_proj", "down_proj", "act_fn")
    parts: list[Any] = [getattr(block, name, None) for name in names]
    if not all(isinstance(part, torch.nn.Module) for part in parts):
        return False
    gate, up, down, act = parts
    if type(down) is not Linear or _weights(down) is None:
        return False
    weight = down.base_layer.weight
    width = getattr(gate, "in_features", 0)
    x = torch.linspace(-2, 2, 3 * width, device=weight.device, dtype=weight.dtype)
    with torch.no_grad():
        x = x.view(1, 3, width)
        return bool(width) and torch.equal(block(x), down(act(gate(x)) * up(x)))
