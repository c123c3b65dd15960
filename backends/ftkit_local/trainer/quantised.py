"""The base in 4 bits for QLoRA (arXiv 2305.14314): NF4 with double quantisation, by bitsandbytes.

Only linear layers inside the decoder are quantised; embeddings, norms and the output head stay as they are. What is trained
on top is an adapter in full precision, so the result is used with the 16- or 32-bit base.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ftkit_local.precision import Precision

INSTALL = "pip install 'ftkit[qlora]'"


def installed() -> bool:
    """True where bitsandbytes can be imported."""
    return find_spec("bitsandbytes") is not None


def load_quantised(folder: Path, device: Any, precision: Precision = "fp32") -> Any:
    """The model in `folder`; products are computed in `precision`."""
    import bitsandbytes
    import torch
    import transformers

    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=dtype,
        quantization_config=transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        ),
        device_map={"": device},
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
    )
    for layer in model.modules():
        if isinstance(layer, bitsandbytes.nn.Linear4bit):
            # Else a pass without gradients on a processor with AVX512-BF16 rewrites the weights for good: every pass behind
            # the first validation would be computed from other, coarser numbers.
            layer.support_avx512bf16_for_cpu = False
    return model


def scales(parameter: Any) -> dict[str, Any]:
    """The tensors beside a quantised weight that it is read with, by name; none of a weight that is not quantised."""
    state = getattr(parameter, "quant_state", None)
    found: dict[str, Any] = {}
    while state is not None:
        found[f"absmax{len(found)}"] = state.absmax
        state = getattr(state, "state2", None)
    return found
