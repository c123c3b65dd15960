"""Which rows go through the model together: rows of like length, so that little is padded.

Rows are what a CPU's matrix products gain from up to about 25; tokens bound the memory of a batch.
"""

from __future__ import annotations

from collections.abc import Sequence

from ftkit_local.generation import Prompt

_ROWS = {"cpu": 25, "mps": 25, "cuda": 64}
_TOKENS = {"cpu": 16_384, "mps": 16_384, "cuda": 65_536}  # of a batch, padding included


def answer_batches(prompts: Sequence[Prompt], device: str) -> list[list[int]]:
    """Indices of prompts in batches, short prompts first; room for the whole answers is counted."""
    return _batches(
        [len(prompt.ids) for prompt in prompts],
        [len(prompt.ids) + prompt.max_tokens for prompt in prompts],
        device,
    )


def score_batches(lengths: Sequence[int], device: str) -> list[list[int]]:
    """Indices of sequences in batches, short ones first."""
    # Scoring holds the activations of all positions at once, answering those of one.
    return _batches(lengths, [4 * length for length in lengths], device)


def _batches(lengths: Sequence[int], room: Sequence[int], device: str) -> list[list[int]]:
    batches: list[list[int]] = []
    widest = 0
    for index in sorted(range(len(lengths)), key=lambda index: lengths[index]):
        wider = max(widest, room[index])
        current = batches[-1] if batches else None
        if (
            current is None
            or len(current) >= _ROWS[device]
            or wider * (len(current) + 1) > _TOKENS[device]
        ):
            batches.append([index])
            widest = room[index]
        else:
            current.append(index)
            widest = wider
    return batches
