"""Drawings as inline SVG: no library, no script, colours from the page's CSS so that they follow light and dark.

Positions along x are per cent and heights are pixels: a drawing stretches to any width while its text keeps its size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

EDGE = 1.5  # per cent kept free at both ends, so that a dot at the end is whole


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to per cent of the width."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Position in per cent; what lies outside, infinite ends included, stands at the edge."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return round(EDGE + (100 - 2 * EDGE) * min(1.0, max(0.0, share)), 3)


def scale_over(values: Sequence[float], *, zero: bool = True) -> Scale:
    """A scale that holds all finite values, with some room, and 0 where asked."""
    finite = [value for value in values if math.isfinite(value)] + ([0.0] if zero else [])
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    room = 0.06 * (high - low) or max(abs(high), 1.0) * 0.5
    return Scale(low - room if low < 0 or not zero else low, high + room if high > 0 else high)


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round values (1, 2 or 5 times a power of ten apart) from at or below `low` to at or above `high`."""
    if not high > low:
        return [low]
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12) + 0.0 for index in range(first, last + 1)]


def svg(height: int, label: str, *parts: str, details: str = "") -> Markup:
    """One drawing as wide as its place; `label` is what a screen reader says, none for decoration, then `details`."""
    spoken = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    told = f"<desc>{escape(details)}</desc>" if details else ""
    return Markup(f'<svg width="100%" height="{height}" {spoken}>{told}{"".join(parts)}</svg>')


def axis(height: int, *parts: str) -> Markup:
    """The column of labels to the left of a drawing, beside it in a `plot`."""
    return Markup(
        f'<svg class="axis" width="44" height="{height}" aria-hidden="true">{"".join(parts)}</svg>'
    )
