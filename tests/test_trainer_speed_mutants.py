"""The tests of the trainer's speed and memory are shown to see: mistakes in what was made faster, each caught."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants import Mutant, told

_LAYERS, _LOSS = "tests/test_lora_layers.py", "tests/test_chunked_loss.py"
_ROUNDED = "tests/test_bf16_products.py"
_MEMORY, _SIZING = "tests/test_out_of_memory.py", "tests/test_local_sizing.py"
_TRAINER = "backends/ftkit_local/trainer"

MUTANTS = (
    Mutant("the gradient of A leaves the scaling out",
           f"{_TRAINER}/lora_layers.py", "grad_low = linear(grad, b.t()).mul_(scaling)", "grad_low = linear(grad, b.t())", (_LAYERS,)),
    Mutant("the gradient of B leaves the scaling out",
           f"{_TRAINER}/lora_layers.py", "grad_b = linear(low.t(), grad.t()).t()", "grad_b = linear(low.t(), grad.t()).t() / scaling", (_LAYERS,)),
    Mutant("what flows back leaves the adapter out",
           f"{_TRAINER}/lora_layers.py", "grad_x = linear_onto(linear(grad_low, a.t()), grad, weight.t())", "grad_x = linear(grad, weight.t())", (_LAYERS,)),
    Mutant("the bias of a base is left out",
           f"{_TRAINER}/lora_layers.py", "    if bias is not None:\n        added += bias\n", "", (_LAYERS,)),
    Mutant("what flows back through up leaves the activation out",
           f"{_TRAINER}/lora_layers.py", "torch.mul(grad_x, opened.detach(), out=product)", "grad_x.clone()", (_LAYERS,)),
    Mutant("the gate's gradient leaves up out",
           f"{_TRAINER}/lora_layers.py", "grad_x.mul_(up))", "grad_x)", (_LAYERS,)),
    Mutant("an adapter that is switched off works on",
           f"{_TRAINER}/lora_layers.py", "if layer.disable_adapters or layer.merged_adapters", "if layer.merged_adapters", (_LAYERS,)),
    Mutant("a merged adapter is added once more",
           f"{_TRAINER}/lora_layers.py", "if layer.disable_adapters or layer.merged_adapters", "if layer.disable_adapters", (_LAYERS,)),
    Mutant("dropout is left out",
           f"{_TRAINER}/lora_layers.py", "type(dropout) is not torch.nn.Identity or ", "", (_LAYERS,)),
    Mutant("DoRA is taken for LoRA",
           f"{_TRAINER}/lora_layers.py", " or name in layer.lora_variant", "", (_LAYERS,)),
    Mutant("the gate's products are kept after all",
           f"{_TRAINER}/lora_layers.py", "        if _is_gated(module):\n", "        if not module:\n", (_LAYERS,)),
    Mutant("a product that is added loses what it is added to",
           "backends/ftkit_local/matrix_products.py", "return base.addmm_(x, weight.t())", "return x @ weight.t()", (_LAYERS,)),
    Mutant("activations are kept although they are computed again",
           f"{_TRAINER}/recomputing.py", '    enable({"use_reentrant": False})\n', "    assert enable\n", (_LAYERS,)),
    Mutant("the last positions are left out of the loss",
           f"{_TRAINER}/chunked_loss.py", "range(0, hidden.shape[0], size)", "range(0, hidden.shape[0] - size + 1, size)", (_LOSS,)),
    Mutant("large logits overflow",
           f"{_TRAINER}/chunked_loss.py", "highest = logits.amax(1, keepdim=True)", "highest = torch.zeros_like(at_target)", (_LOSS,)),
    Mutant("the gradient is not scaled by what comes from above",
           f"{_TRAINER}/chunked_loss.py", "grad_hidden * grad,", "grad_hidden,", (_LOSS,)),
    Mutant("a head's gradient is that of its last chunk",
           f"{_TRAINER}/chunked_loss.py", "grad_weight += linear(", "grad_weight[:] = linear(", (_LOSS,)),
    Mutant("a head that caps its logits is taken for a plain one",
           "backends/ftkit_local/projection.py", " or not projects_plainly(model):\n        return None", ":\n        return None", (_LOSS,)),
    Mutant("all logits are there at once",
           f"{_TRAINER}/chunked_loss.py", "size = max(1, CHUNK_BYTES // (weight.shape[0] * wide.itemsize))", "size = hidden.shape[0]", (_LOSS,)),
    Mutant("gradients of the step that was cut off stay",
           f"{_TRAINER}/out_of_memory.py", "            parameter.grad = None\n", "            pass\n", (_MEMORY,)),
    Mutant("a smaller budget is forgotten in the next step",
           f"{_TRAINER}/loop.py", "loss, work = within_memory(accumulate", "loss, _ = within_memory(accumulate", (_MEMORY,)),
    Mutant("the record tells the budget of the beginning",
           f"{_TRAINER}/job.py", '"micro_batch_tokens": done.token_budget', '"micro_batch_tokens": work.token_budget', (_MEMORY,)),
    Mutant("a product in bf16 loses what it is added to",
           "backends/ftkit_local/matrix_products.py", "return base.add_(x.to(weight.dtype) @ weight.t())", "return (x.to(weight.dtype) @ weight.t()).to(x.dtype)", (_ROUNDED,)),
    Mutant("a sum behind a product in bf16 is rounded too",
           "backends/ftkit_local/matrix_products.py", "return base.add_(x.to(weight.dtype) @ weight.t())", "return base.add_(x.to(weight.dtype) @ weight.t()).to(weight.dtype).to(x.dtype)", (_ROUNDED,)),
    Mutant("the adapter is rounded with the base",
           f"{_TRAINER}/lora_layers.py", "            base = module.base_layer\n", "            base = module.base_layer\n            module.to(torch.bfloat16)\n", (_ROUNDED,)),
    Mutant("a base in bf16 is not read where its adapter is off",
           f"{_TRAINER}/lora_layers.py", "            base.forward = partial(_frozen_forward, base)", "            held += 0", (_ROUNDED,)),
    Mutant("a bias is rounded where the adapter is off",
           f"{_TRAINER}/lora_layers.py", "else product + layer.bias", "else (product + layer.bias).to(layer.weight.dtype).to(x.dtype)", (_ROUNDED,)),
    Mutant("precision has no effect on a processor",
           f"{_TRAINER}/job.py", 'if precision == "bf16" and device.type == "cpu":', 'if precision == "bf16" and device.type == "tpu":', (_ROUNDED,)),
    Mutant("a processor rounds without being told to",
           "backends/ftkit_local/precision.py", "method is not Method.FULL and _gpu_has_bf16(device) else", "method is not Method.FULL else", (_ROUNDED,)),
    Mutant("weights that are trained may be rounded",
           "backends/ftkit_local/precision.py", "if method is Method.FULL:\n        raise", "if method is Method.DPO:\n        raise", (_ROUNDED,)),
    Mutant("the matrices in bf16 take no room",
           "backends/ftkit_local/sizing.py", "weights += (-2 if shape.stored_half else 2) *", "weights += 0 *", (_SIZING,)),
    Mutant("what is held in bf16 was never fp32",
           "backends/ftkit_local/sizing.py", "loading = shape.parameters * 4 if half", "loading = 0 if half", (_SIZING,)),
    Mutant("gradients wait beside the largest micro-batch",
           "backends/ftkit_local/sizing.py", "later = min(rows_at_once, rows - rows_at_once)", "later = rows_at_once if rows > rows_at_once else 0", (_SIZING,)),
    Mutant("a base in 4 bits has layers of ours",
           "backends/ftkit_local/sizing.py", "own_layers = width == 4 and load.method is not Method.QLORA", "own_layers = width == 4", (_SIZING,)),
    Mutant("all of a step is as much faster as its products",
           "backends/ftkit_local/sizing.py", "seconds -= frozen / matrix_rate(device, rest) - frozen / matrix_rate(device, precision)", "seconds *= matrix_rate(device, rest) / matrix_rate(device, precision)", (_SIZING,)),
    Mutant("activations are always computed again",
           "backends/ftkit_local/sizing.py", "recomputed=False) > free_memory(device)", "recomputed=False) > 0", (_SIZING, _MEMORY)),
    Mutant("a head that caps its logits is forecast in chunks",
           "backends/ftkit_local/sizing.py", "    if shape.plain_head and load.method is not Method.DPO:\n", "    if load.method is not Method.DPO:\n", (_SIZING,)),
)  # fmt: skip


@pytest.mark.torture
def test_every_mistake_is_seen(tmp_path: Path) -> None:
    seen = told(MUTANTS, tmp_path)
    assert [mistake for mistake, tests in seen.items() if not tests] == []
