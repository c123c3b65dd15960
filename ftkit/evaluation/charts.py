"""The drawings of a report; how they stretch and where their colours come from is in `ftkit.pages.svg`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from ftkit.pages.svg import EDGE, Scale, axis, svg, ticks

POINTS = 400  # of one curve; longer runs are averaged down to this
PLOT_HEIGHT = 220


def score_bar(mean: float, low: float, high: float, scale: Scale, label: str, style: str) -> Markup:
    """A bar from 0 to the mean with its interval as a whisker."""
    zero, end, left, right = (scale.at(value) for value in (0.0, mean, low, high))
    return svg(
        24,
        label,
        f'<rect class="track" x="{EDGE}%" y="7" width="{100 - 2 * EDGE}%" height="10" rx="2"/>',
        f'<rect class="bar {style}" x="{min(zero, end)}%" y="7" width="{abs(end - zero):.3f}%" height="10" rx="2"/>',
        _whisker(left, right, 12),
    )


def difference_bar(
    difference: float, low: float, high: float, scale: Scale, label: str, style: str
) -> Markup:
    """A difference as a dot on its interval, with the line of no difference."""
    zero, left, right = scale.at(0.0), scale.at(low), scale.at(high)
    return svg(
        30,
        label,
        f'<line class="zero" x1="{zero}%" x2="{zero}%" y1="0" y2="30"/>',
        f'<line class="interval {style}" x1="{left}%" x2="{right}%" y1="15" y2="15"/>',
        *(
            f'<line class="cap {style}" x1="{end}%" x2="{end}%" y1="9" y2="21"/>'
            for end in (left, right)
        ),
        f'<circle class="dot {style}" cx="{scale.at(difference)}%" cy="15" r="5.5"/>',
    )


def difference_axis(scale: Scale, share: bool) -> Markup:
    """Round values under a column of differences: points for shares."""
    factor = 100 if share else 1
    marks = []
    for value in ticks(scale.low * factor, scale.high * factor, 5):
        if scale.low <= value / factor <= scale.high:
            position = scale.at(value / factor)
            text = "0" if value == 0 else f"{value:+g}".replace("-", "\N{MINUS SIGN}")
            marks.append(f'<text x="{position}%" y="13" text-anchor="middle">{text}</text>')
    return svg(18, "", *marks)


def loss_curve(metrics: Sequence[Mapping[str, Any]]) -> Markup | None:
    """Loss by step: every step pale, its running mean on top, validation as dots. None where fewer than two steps are known."""
    steps = _thinned(_series(metrics, "step"))
    if len(steps) < 2:
        return None
    held = _series(metrics, "validation")
    losses = [loss for _, loss in steps + held]
    bottom, top = min(0.0, *losses), max(losses)
    marks = [mark for mark in ticks(bottom, top, 5) if bottom <= mark <= top]
    first, last = steps[0][0], max(step for step, _ in steps + held)

    def x(step: float) -> float:
        return round(1 + 98 * (step - first) / ((last - first) or 1), 3)

    def y(loss: float) -> float:
        return round(10 + (PLOT_HEIGHT - 34) * (top - loss) / ((top - bottom) or 1), 2)

    labels = [f'<text x="38" y="{y(mark) + 4}" text-anchor="end">{mark:g}</text>' for mark in marks]
    grid = [
        f'<line class="grid" x1="0" x2="100%" y1="{y(mark)}" y2="{y(mark)}"/>' for mark in marks
    ]
    counts = [
        f'<text x="{x(step)}%" y="{PLOT_HEIGHT - 6}" text-anchor="{anchor}">{step:,}</text>'
        for step, anchor in ((first, "start"), (round((first + last) / 2), "middle"), (last, "end"))
    ]
    curves = [
        f'<polyline class="{style}" vector-effect="non-scaling-stroke" points="'
        + " ".join(f"{x(step) * 10:.1f},{y(loss)}" for step, loss in series)
        + '"/>'
        for style, series in (("raw", steps), ("mean", _smoothed(steps)))
    ]
    dots = [f'<circle class="held" cx="{x(step)}%" cy="{y(loss)}" r="4"/>' for step, loss in held]
    words = f"training loss from {steps[0][1]:.3f} to {steps[-1][1]:.3f} over {last:,} steps"
    plot = svg(
        PLOT_HEIGHT,
        words,
        *grid,
        *counts,
        f'<svg x="0" y="0" width="100%" height="{PLOT_HEIGHT}" viewBox="0 0 1000 {PLOT_HEIGHT}" '
        f'preserveAspectRatio="none">{"".join(curves)}</svg>',
        *dots,
    )
    return axis(PLOT_HEIGHT, *labels) + plot


def _series(metrics: Sequence[Mapping[str, Any]], kind: str) -> list[tuple[int, float]]:
    """(step, loss) of the entries of one kind, by step; entries without a finite loss are not drawn."""
    found = []
    for entry in metrics:
        step, loss = entry.get("step"), entry.get("loss")
        if entry.get("type") != kind or not isinstance(step, int):
            continue
        if isinstance(loss, int | float) and math.isfinite(loss):
            found.append((step, float(loss)))
    return sorted(found)


def _thinned(series: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """At most POINTS points, each the mean of its neighbours; the first and the last step stay."""
    if len(series) <= POINTS:
        return list(series)
    size = math.ceil(len(series) / (POINTS - 2))
    groups = [series[start : start + size] for start in range(1, len(series) - 1, size)]
    middle = [
        (group[len(group) // 2][0], math.fsum(loss for _, loss in group) / len(group))
        for group in groups
    ]
    return [series[0], *middle, series[-1]]


def _smoothed(series: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """A centred running mean over a tenth of the run, narrower towards both ends so that it keeps their values."""
    reach = len(series) // 20
    smooth = []
    for index, (step, _) in enumerate(series):
        near = min(reach, index, len(series) - 1 - index)
        window = series[index - near : index + near + 1]
        smooth.append((step, math.fsum(loss for _, loss in window) / len(window)))
    return smooth


def _whisker(left: float, right: float, middle: int) -> str:
    return (
        f'<line class="whisker" x1="{left}%" x2="{right}%" y1="{middle}" y2="{middle}"/>'
        f'<line class="whisker" x1="{left}%" x2="{left}%" y1="{middle - 5}" y2="{middle + 5}"/>'
        f'<line class="whisker" x1="{right}%" x2="{right}%" y1="{middle - 5}" y2="{middle + 5}"/>'
    )
