"""Choosing the next token: the likeliest, or a draw with temperature and top_p.

A row draws from its own generator by one uniform number a token, so its answer does not depend on the rows beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

_USUAL = (
    1024  # tokens that nearly always hold the mass top_p asks for; else the vocabulary is sorted
)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a row draws. Temperature 0 is greedy; the same `seed` gives the same draws; None a fresh one."""

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None

    def generator(self) -> Any:
        """A torch.Generator for one row, or None where nothing is drawn."""
        import torch

        if self.temperature == 0:
            return None
        generator = torch.Generator()
        if self.seed is None:
            generator.seed()
        else:
            generator.manual_seed(self.seed)
        return generator


GREEDY = Sampling()


def draw(logits: Tensor, sampling: Sampling, generator: Any) -> int:
    """One token from logits [vocabulary] (float32 on the CPU), by inverting the cumulated probabilities."""
    import torch

    # Shifted first: a tiny temperature must not make an infinity of the largest logit.
    scaled = (logits - logits.max()).double() / sampling.temperature
    chance = torch.softmax(scaled, dim=-1)
    tokens = None
    if sampling.top_p < 1:
        chance, tokens = _nucleus(chance, sampling.top_p)
    heap = chance.cumsum(-1)
    point = torch.rand((), generator=generator, dtype=torch.float64) * heap[-1]
    place = int(torch.searchsorted(heap, point, right=True).clamp(max=len(heap) - 1))
    return place if tokens is None else int(tokens[place])


def _nucleus(chance: Tensor, top_p: float) -> tuple[Tensor, Tensor]:
    """The fewest likeliest tokens that hold `top_p` of the mass, likeliest first."""
    best, tokens = chance.topk(min(_USUAL, len(chance)))
    if float(best.sum()) < top_p:
        best, tokens = chance.sort(descending=True, stable=True)
    before = best.cumsum(-1) - best
    kept = before < top_p
    return best[kept], tokens[kept]
