"""Matrix products by the faster of torch's two libraries, for code that brings its own backward.

torch multiplies fp32 with MKL, which gives AMD's processors no AVX-512 code: there oneDNN, which torch carries too, is
twice as fast (210 against 100 GFLOP/s a core, each shape of a step measured). The choice follows from the processor and
not from a measurement, so that a run that is repeated takes the same library and gets the same bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

_CACHE = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
_CPU_FACTS = Path("/proc/cpuinfo")


def linear(x: Tensor, weight: Tensor) -> Tensor:
    """`x @ weight.T` for x [n, in] and weight [out, in], either of which may be a transposed view; no gradient flows."""
    import torch

    if x.dtype == torch.float32 and x.device.type == "cpu" and x.numel() and prefers_onednn():
        return _onednn(x, weight)
    return x @ weight.t()


def linear_onto(base: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """`base + x @ weight.T`, added while the product is written; `base` [n, out] is used up. No gradient flows.

    Where the weight is held in bf16 and x is not, x and the product are rounded to bf16; the sum has the dtype of `base`.
    """
    import torch

    if x.dtype != weight.dtype:
        return base.add_(x.to(weight.dtype) @ weight.t())
    if x.dtype == torch.float32 and x.device.type == "cpu" and x.numel() and prefers_onednn():
        summed: Tensor = torch.ops.mkldnn._linear_pointwise.binary(x, base, weight, None, "add")
        return summed
    return base.addmm_(x, weight.t())


def kernel_cache_limit(environment: Mapping[str, str]) -> dict[str, str]:
    """The variable that keeps oneDNN from holding compiled code for every shape of batch that it ever met (150 MB)."""
    return {_CACHE: environment.get(_CACHE, "64")}


def library_name(device: Any) -> str:
    """Who computes `linear` in fp32 on this device, in words; modules of torch keep their own way."""
    if device.type != "cpu":
        return "torch"
    return "oneDNN" if prefers_onednn() else "torch"


@lru_cache(maxsize=1)
def prefers_onednn() -> bool:
    """True on AMD's processors with AVX-512 where torch's oneDNN product is there and right."""
    import torch

    try:
        amd = "AuthenticAMD" in _CPU_FACTS.read_text()
    except OSError:
        return False
    return amd and torch.backends.cpu.get_cpu_capability() == "AVX512" and _onednn_is_right()


def _onednn(x: Tensor, weight: Tensor) -> Tensor:
    import torch

    product: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")
    return product


def _onednn_is_right() -> bool:
    """The operator is torch's own and not a public one, so it is tried before it is trusted."""
    import torch

    left = torch.linspace(-1, 1, 24 * 40).reshape(24, 40)
    right = torch.linspace(1, -2, 40 * 56).reshape(40, 56)
    try:
        plain, turned = _onednn(left, right.t()), _onednn(right.t(), left)
        onto = torch.ops.mkldnn._linear_pointwise.binary(left, plain, right.t(), None, "add")
    except (RuntimeError, AttributeError, TypeError):
        return False
    exact = left.double() @ right.double()
    return all(
        torch.allclose(found.double(), expected, rtol=1e-5, atol=1e-4)
        for found, expected in ((plain, exact), (turned, exact.t()), (onto, 2 * exact))
    )
