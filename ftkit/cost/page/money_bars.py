"""Stacked bars of what each model costs: linear from 0, since parts of a stack have no length on a logarithmic scale.

Where one model costs a hundred times another, bars of one scale would hide the small ones. So the models are drawn in groups,
each with a scale of its own, and each says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from markupsafe import Markup, escape

from ftkit.cost.candidates import Candidate
from ftkit.cost.price_lines import usd_text
from ftkit.pages.svg import EDGE, Scale, svg, ticks
from ftkit.pages.visible_text import one_line

DRAWN = 20  # models
WIDEST = 20  # times the cheapest bar of a group is the longest it may have: a twentieth can still be seen
PARTS = ("training", "hosting and storage", "calls")
_STYLES = ("train", "fixed", "calls")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a model costs by the end of the horizon in USD: `parts` are those of PARTS."""

    one: Candidate
    parts: tuple[Decimal, Decimal, Decimal]

    @property
    def total(self) -> Decimal:
        """All of it."""
        return sum(self.parts, Decimal(0))

    @property
    def in_words(self) -> str:
        """The parts, as a screen reader says them."""
        named = zip(PARTS, self.parts, strict=True)
        return ", ".join(f"{name} {usd_text(usd)} USD" for name, usd in named)


def costs(
    models: Sequence[Candidate], horizon_months: int, calls_per_month: int
) -> tuple[Cost, ...]:
    """Of the models with known prices, in their order."""
    return tuple(
        Cost(
            one,
            (
                course.once,
                horizon_months * course.monthly,
                horizon_months * calls_per_month * course.per_call,
            ),
        )
        for one in models
        if (course := one.course) is not None
    )


def grouped(ranked: Sequence[Cost]) -> list[tuple[Cost, ...]]:
    """Groups in which the dearest costs at most WIDEST times the cheapest that costs anything; the cheapest come first."""
    groups: list[list[Cost]] = []
    least = Decimal(0)
    for one in ranked:
        if not groups or (least and one.total > WIDEST * least):
            groups.append([])
            least = Decimal(0)
        groups[-1].append(one)
        least = least or one.total
    return [tuple(group) for group in groups]


def scale_of(group: Sequence[Cost]) -> Scale:
    """From 0 to the dearest of the group."""
    return Scale(0.0, float(max(one.total for one in group)) or 1.0)


def stacked(cost: Cost, scale: Scale) -> Markup:
    """One bar; pointed at, each part says its money."""
    drawn = []
    reached = Decimal(0)
    for name, usd, style in zip(PARTS, cost.parts, _STYLES, strict=True):
        left, right = scale.at(float(reached)), scale.at(float(reached + usd))
        reached += usd
        if usd:
            drawn.append(
                f'<g class="part {style}"><rect x="{left}%" y="4" width="{right - left:.3f}%" height="14"/>'
                f"<title>{escape(name)}: {usd_text(usd)} USD</title></g>"
            )
    track = f'<rect class="track" x="{EDGE}%" y="4" width="{100 - 2 * EDGE}%" height="14"/>'
    label = f"{one_line(cost.one.model, 200)}: {usd_text(cost.total)} USD"
    return svg(22, label, track, *drawn, details=cost.in_words)


def money_axis(scale: Scale) -> Markup:
    """Round amounts under the bars of a group."""
    marks = [mark for mark in ticks(scale.low, scale.high, 4) if mark <= scale.high]
    return svg(
        18,
        "",
        *(
            f'<text x="{scale.at(mark)}%" y="13" text-anchor="{"start" if not mark else "middle"}">{short_usd(mark)}</text>'
            for mark in marks
        ),
    )


def short_usd(usd: float) -> str:
    """An amount for an axis: 0.05, 50, 5,000, 50k, 5M."""
    for least, unit, letter in ((1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if usd >= least:
            return f"{usd / unit:,g}{letter}"
    return f"{usd:,g}"
