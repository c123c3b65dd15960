"""Memory and time that a run will need, from the base's config, the settings and the lengths of the rows.

Memory is counted from what a step keeps; time is floating-point operations over a matrix rate that is measured on the
spot. The few measured constants were fitted to SmolLM2-135M in fp32 on a processor; on a GPU they are an estimate.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ftkit import clock
from ftkit.backend import Forecast
from ftkit.hyperparameters import Hyperparameters, Method
from ftkit_local.allocator import allocator_environment
from ftkit_local.device import device_words, free_memory, import_torch
from ftkit_local.matrix_products import linear
from ftkit_local.precision import Precision, usual_precision
from ftkit_local.trainer.batches import epoch_batches, micro_batches

if TYPE_CHECKING:
    import torch

# Padded tokens of one micro-batch: more makes a processor no faster and takes more memory.
_TOKEN_BUDGET = {"cpu": 1024, "mps": 2048, "cuda": 8192}
_LIBRARIES = 600 * 2**20  # Python, PyTorch and transformers, before any weight
_LOGIT_COPIES = 4  # logits, their softmax, the gradient of each
_LOGIT_CHUNKS = 100 * 2**20  # where they are computed some positions at a time
# What a step keeps, as a multiple of what it needs: glibc leaves holes between tensors, tcmalloc fewer.
_KEPT_BY_GLIBC, _KEPT_BY_TCMALLOC = 1.6, 1.1
_NF4_BYTES = (
    4.127 / 8
)  # a weight in 4 bits with its doubly quantised scale (arXiv 2305.14314, section 3)
_BITSANDBYTES = 150 * 2**20  # its import, and what unpacking keeps: measured on a processor
_EFFICIENCY = 0.7  # of the matrix rate, over a whole step
_UNPACKED = {"cpu": 2.5e9, "cuda": 2e11}  # weights in 4 bits read a second; measured on a processor
_LAYER_SECONDS = 0.002  # Python's own time, a layer and micro-batch
_START_SECONDS = 10.0  # imports and loading
_NOMINAL_RATE = 1e11  # only where the clock stands still and nothing can be measured
_SAMPLE = 4000
_EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts")
_HEAD_EXTRAS = ("final_logit_softcapping", "logits_scaling", "logit_scale")


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a decoder that matter here; `queries` and `keys` are heads x head size.

    `stored_half` says that its file has 2 bytes a weight, else 4.
    """

    layers: int
    hidden: int
    intermediate: int
    vocabulary: int
    queries: int
    keys: int
    parameters: int
    plain_head: bool = True  # logits are one product, so they need not all be there at once
    stored_half: bool = False
    experts: bool = False  # the feed-forward part is no linear layers, so no adapter goes there


@dataclass(frozen=True, slots=True)
class Load:
    """A run as far as its needs go. `lengths` are padded tokens, one a training sequence or preference pair.

    With `keeps_best` a copy of what is trained lies in the machine's memory, from one validation to the next.
    """

    shape: Shape
    method: Method
    hyperparameters: Hyperparameters
    lengths: tuple[int, ...]
    trained_tokens: int
    steps: int
    keeps_best: bool = False

    @property
    def sequences(self) -> int:
        """Sequences of a row that go through the model side by side."""
        return 2 if self.method is Method.DPO else 1


def shape_of(config: Mapping[str, Any], parameters: int) -> Shape:
    """Sizes from a model's config.json; of one that reads images too, those of its text part."""
    text = config.get("text_config", config)
    heads = int(text["num_attention_heads"])
    hidden = int(text["hidden_size"])
    head = int(text.get("head_dim") or hidden // heads)
    stored = next((config[name] for name in ("dtype", "torch_dtype") if config.get(name)), None)
    return Shape(
        layers=int(text["num_hidden_layers"]),
        hidden=hidden,
        intermediate=int(text.get("intermediate_size") or 4 * hidden),
        vocabulary=int(text["vocab_size"]),
        queries=heads * head,
        keys=int(text.get("num_key_value_heads") or heads) * head,
        parameters=parameters,
        plain_head=not any(text.get(name) for name in _HEAD_EXTRAS),
        stored_half=stored in ("bfloat16", "float16"),
        experts=any(text.get(name) for name in _EXPERTS),
    )


def trainable_parameters(
    shape: Shape, method: Method, rank: int, targets: Sequence[str] | str
) -> int:
    """Parameters that are trained: all of them, or those of a LoRA pair on each targeted projection."""
    if method is Method.FULL:
        return shape.parameters
    ends = {
        "q_proj": (shape.hidden, shape.queries),
        "k_proj": (shape.hidden, shape.keys),
        "v_proj": (shape.hidden, shape.keys),
        "o_proj": (shape.queries, shape.hidden),
    }
    if not shape.experts:
        ends |= {
            "gate_proj": (shape.hidden, shape.intermediate),
            "up_proj": (shape.hidden, shape.intermediate),
            "down_proj": (shape.intermediate, shape.hidden),
        }
    chosen = ends if isinstance(targets, str) else [name for name in ends if name in targets]
    return shape.layers * rank * sum(sum(ends[name]) for name in chosen)


def token_budget(load: Load, device: torch.device) -> int:
    """Padded tokens of a micro-batch: the usual number, halved until the run fits or one row fills it."""
    free, longest = free_memory(device), max(load.lengths, default=1)
    budget = _TOKEN_BUDGET[device.type]
    while budget > longest and memory_needed(load, device, budget) > free:
        budget //= 2
    return max(budget, longest)


def recomputes(load: Load, device: torch.device, budget: int) -> bool:
    """True where the run fits only if each layer's activations are computed again in backward, a third slower."""
    return memory_needed(load, device, budget, recomputed=False) > free_memory(device)


def forecast(load: Load, device: torch.device, budget: int) -> Forecast:
    """Needs of the run with micro-batches of `budget` tokens, and what would lower them."""
    recomputed = recomputes(load, device, budget)
    return Forecast(
        device=device_words(device),
        parameters=load.shape.parameters,
        trainable_parameters=_trainable(load),
        memory_needed=memory_needed(load, device, budget, recomputed=recomputed),
        memory_free=free_memory(device),
        seconds=_seconds(load, device, budget, recomputed),
        remedies=_remedies(load, device, budget),
    )


def memory_needed(
    load: Load, device: torch.device, budget: int, *, recomputed: bool = False
) -> int:
    """Bytes at the peak of a step."""
    shape, longest = load.shape, max(load.lengths, default=1)
    trainable, full = _trainable(load), load.method is Method.FULL
    half = load.hyperparameters.precision == "bf16"
    width = 2 if half and device.type != "cpu" else 4
    weights = _weights(load, width) + (0 if full else trainable * 4)
    if half and device.type == "cpu":
        # Those in fp32 that it was rounded from are freed, or stay mapped to their file where that has fp32.
        weights += (-2 if shape.stored_half else 2) * _frozen_matrices(shape)
    rows = min(load.hyperparameters.batch_size or 1, max(1, len(load.lengths)))
    rows_at_once = min(rows, max(1, budget // longest))
    kept = _kept_of_a_layer(load, width)
    kept = shape.layers * shape.hidden + kept if recomputed else shape.layers * kept
    holes = _kept() if device.type == "cpu" else 1.1

    def step(together: int) -> int:
        tokens = together * longest
        learned = tokens * load.trained_tokens / max(1, sum(load.lengths))
        logits = int(learned * shape.vocabulary * 4 * _LOGIT_COPIES)
        if shape.plain_head and load.method is not Method.DPO:
            logits = min(logits, _LOGIT_CHUNKS)
        return int((tokens * kept * width + logits) * holes)

    # Gradients take the place of activations as backward goes, and then wait for the next micro-batch.
    gradients = trainable * 4
    later = min(rows_at_once, rows - rows_at_once)
    peak = max(step(rows_at_once), gradients + (step(later) if later else 0))
    kept_best = trainable * 4 if load.keeps_best and device.type != "cuda" else 0
    loading = shape.parameters * 4 if half and device.type == "cpu" else 0
    return _LIBRARIES + max(loading, weights + trainable * 8 + kept_best + peak)


def _weights(load: Load, width: int) -> int:
    """Bytes of the base; of one in 4 bits the decoder's matrices take a share, and one at a time is whole."""
    if load.method is not Method.QLORA:
        return load.shape.parameters * width
    matrices = _frozen_matrices(load.shape)
    whole = 2 * max(_matrices(load.shape))
    return (
        _BITSANDBYTES
        + int(matrices * _NF4_BYTES)
        + (load.shape.parameters - matrices + whole) * width
    )


def _frozen_matrices(shape: Shape) -> int:
    return min(shape.parameters, shape.layers * sum(_matrices(shape)))


def _matrices(shape: Shape) -> list[int]:
    """Parameters of each projection of a layer."""
    attention = (shape.queries, shape.keys, shape.keys, shape.queries)
    return [shape.hidden * size for size in (*attention, *[shape.intermediate] * 3)]


def _kept_of_a_layer(load: Load, width: int) -> int:
    """Numbers that autograd keeps of a layer for each token."""
    shape = load.shape
    # Both residuals and the outputs of both norms; queries and what attention gives; keys and values; gate and up.
    kept = 4 * shape.hidden + 2 * shape.queries + 2 * shape.keys + 2 * shape.intermediate
    if load.method is Method.FULL:
        return (
            kept + 2 * shape.hidden + 2 * shape.intermediate
        )  # normalised inputs, the gate's two products
    # PEFT's forward is used where the base is in 4 bits, or all of it in another dtype than the adapter
    own_layers = width == 4 and load.method is not Method.QLORA
    return kept if own_layers else kept + 2 * shape.intermediate


@lru_cache(maxsize=4)
def matrix_rate(device: torch.device, precision: Precision = "fp32") -> float:
    """Floating-point operations a second of a large matrix product, measured once a process (about 0.2 s)."""
    torch = import_torch()
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    size, repeats = (4096, 20) if device.type == "cuda" else (1024, 20)
    left = torch.ones(size, size, device=device, dtype=kind)
    for count in (3, repeats):
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        began = clock.monotonic()
        for _ in range(count):
            product = linear(left, left)
        float(product[0, 0])  # waits for the device
        seconds = clock.monotonic() - began
    return 2 * size**3 * repeats / seconds if seconds > 0 else _NOMINAL_RATE


def _trainable(load: Load) -> int:
    settings = load.hyperparameters
    return trainable_parameters(
        load.shape, load.method, settings.lora_rank or 0, settings.target_modules or "all-linear"
    )


@lru_cache(maxsize=1)
def _kept() -> float:
    preloaded = allocator_environment(os.environ).get("LD_PRELOAD", "")
    return _KEPT_BY_TCMALLOC if "tcmalloc" in preloaded else _KEPT_BY_GLIBC


def _seconds(load: Load, device: torch.device, budget: int, recomputed: bool) -> float:
    shape, full = load.shape, load.method is Method.FULL
    lengths = load.lengths[:_SAMPLE]
    if not lengths:
        return _START_SECONDS
    padded = pieces = steps = 0
    squares = 0.0
    for batch in epoch_batches(lengths, 0, 0, load.hyperparameters.batch_size or 1):
        steps += 1
        for piece in micro_batches([lengths[index] for index in batch], budget):
            longest = max(lengths[batch[index]] for index in piece)
            pieces += 1
            padded += longest * len(piece)
            squares += longest * longest * len(piece) / load.sequences
    # Forward, and backward to the inputs; backward to the weights only where they are trained.
    times = (3 if full else 2) + recomputed
    embeddings = shape.vocabulary * shape.hidden
    body = max(0, shape.parameters - embeddings)
    learned = padded * load.trained_tokens / max(1, sum(load.lengths))
    adapter = 0 if full else _trainable(load)
    frozen = 2 * times * body * padded
    operations = (
        frozen
        + 6 * adapter * padded
        + 2 * times * embeddings * learned
        + 12 * shape.layers * shape.queries * squares
    )
    precision = load.hyperparameters.precision or "fp32"
    rest: Precision = "fp32" if device.type == "cpu" else precision
    rate = matrix_rate(device, rest) * _EFFICIENCY
    seconds = operations / rate
    if (
        precision != rest
    ):  # the products with frozen weights are faster, what stands between them is not
        seconds -= frozen / matrix_rate(device, rest) - frozen / matrix_rate(device, precision)
    one_step = seconds / steps + _LAYER_SECONDS * shape.layers * pieces / steps
    if load.method is Method.QLORA:  # all of them for each pass forward and backward
        one_step += 2 * body * pieces / steps / _UNPACKED[device.type]
    reference = 0.0
    if load.method is Method.DPO:  # one pass forward over all rows, before the first step
        forward = (
            2 * body * padded
            + 2 * embeddings * learned
            + 4 * shape.layers * shape.queries * squares
        )
        reference = forward / rate * len(load.lengths) / len(lengths)
    return _START_SECONDS + reference + one_step * load.steps


def _remedies(load: Load, device: torch.device, budget: int) -> tuple[str, ...]:
    """The knobs that would lower the memory, each with what the run would then need."""
    settings = load.hyperparameters
    longest = max(load.lengths, default=1)
    needed = memory_needed(load, device, budget, recomputed=True)
    changes: list[tuple[str, Load]] = []
    if load.method is Method.FULL:
        usual = {
            "lora_rank": 16,
            "target_modules": "all-linear",
            "precision": usual_precision(Method.LORA, device),
        }
        lora = settings.model_copy(update=usual)
        changes.append(("method lora", replace(load, method=Method.LORA, hyperparameters=lora)))
    half = longest // 2 // load.sequences
    cut = tuple(min(length, half * load.sequences) for length in load.lengths)
    shorter = replace(load, lengths=cut)
    changes.append((f"max_length {half} (longer rows have to be shortened)", shorter))
    if load.method is not Method.FULL and (settings.lora_rank or 0) > 4:
        lower = settings.model_copy(update={"lora_rank": 4})
        changes.append(("lora_rank 4", replace(load, hyperparameters=lower)))
    if load.method is Method.LORA and device.type != "mps":
        precision = usual_precision(Method.QLORA, device)
        packed = settings.model_copy(update={"precision": precision})
        changes.append(("method qlora", replace(load, method=Method.QLORA, hyperparameters=packed)))
    found = []
    for words, changed in changes:
        budget = max(1, min(budget, max(changed.lengths, default=1)))
        less = memory_needed(changed, device, budget, recomputed=True)
        if less < needed * 0.95:
            found.append(f"{words}: {less / 2**30:.1f} GiB")
    return (*found, "a smaller base model")
