"""A step that runs out of memory is done again in smaller micro-batches; the step itself, its rows and its loss stay.

A forecast can be wrong, and another program can take memory while a run goes on.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ftkit_local.trainer.batches import micro_batches
from ftkit_local.trainer.gradients import Row, Work

_WORDS = ("out of memory", "can't allocate memory", "not enough memory", "defaultcpuallocator")


def is_out_of_memory(error: BaseException) -> bool:
    """True for a MemoryError, CUDA's OutOfMemoryError, and the RuntimeError by which PyTorch says so on a processor."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(word in text for word in _WORDS)


def within_memory(
    compute: Callable[[Any, Sequence[Row], Work], float],
    model: Any,
    rows: Sequence[Row],
    work: Work,
    emit: Callable[..., None],
) -> tuple[float, Work]:
    """What `compute` gives for the rows, and the work to go on with: its token budget is halved until the rows fit.

    Each halving is an event "less_memory". Raises the error where a single row does not fit. Gradients of a step that
    was cut off are forgotten, so there must be none of an earlier one.
    """
    while True:
        try:
            return compute(model, rows, work), work
        except (MemoryError, RuntimeError) as error:
            lengths = [row.length for row in rows]
            pieces = micro_batches(lengths, work.token_budget)
            if not is_out_of_memory(error) or max(map(len, pieces)) == 1:
                raise
            largest = max(len(piece) * max(lengths[i] for i in piece) for piece in pieces)
            less = max(1, min(work.token_budget, largest) // 2)
            said = str(error).strip().splitlines()[0] if str(error).strip() else "MemoryError"
        # only here, when the error and the tensors of its frames are gone
        for parameter in model.parameters():
            parameter.grad = None
        work.objective.figures()  # those of the rows that will be computed again
        _give_back(work.device)
        work = replace(work, token_budget=less)
        emit(
            "less_memory",
            f"out of memory: micro-batches now hold {less} tokens, the steps are the same ({said})",
            micro_batch_tokens=less,
        )


def _give_back(device: Any) -> None:
    gc.collect()
    if device.type == "cuda":
        import torch

        torch.cuda.empty_cache()
