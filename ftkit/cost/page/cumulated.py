"""What has been paid by the end of each month: a few models against a prompt, as lines with their names at their ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from markupsafe import Markup, escape

from ftkit.cost.break_even import BreakEven, Course, break_even
from ftkit.cost.page.money_bars import short_usd
from ftkit.cost.price_lines import usd_text
from ftkit.cost.price_table import PriceTable
from ftkit.pages.svg import Scale, axis, svg, ticks
from ftkit.pages.visible_text import one_line

LINES = 4  # models beside the prompt
FLATTEST = 3  # a model that ends at so many times the others would press their lines onto the axis
_HEIGHT, _BASE, _END = 300, 266, 14  # pixels; below the base stand the months
_LETTERS = 22  # of a name at the end of a line
_NAME = 32  # pixels between two names


@dataclass(frozen=True, slots=True)
class Line:
    """One way and what it costs; `even` is when it has cost no more than the prompt, None for the prompt itself."""

    name: str
    short: str
    style: str
    course: Course
    total: Decimal
    even: BreakEven | None

    def crossing(self, months: int) -> Decimal | None:
        """The month in which it comes to cost no more than the prompt, where that is drawn."""
        when = None if self.even is None else self.even.months
        return when if when is not None and 0 < when <= months else None


def lines(table: PriceTable) -> tuple[Line, ...]:
    """The cheapest prompt first, where one has a price, then the cheapest models; what is far dearer stays away."""
    months, calls = table.horizon_months, table.calls_per_month
    prompt = table.prompts[0] if table.prompts else None
    found: list[Line] = []
    drawn = 0
    if prompt is not None:
        total = prompt.course.after(months, calls)
        found.append(Line(prompt.model, _last(prompt.model), "prompt", prompt.course, total, None))
    for one in table.cheapest_tiers:
        course, total = one.course, table.total(one) or Decimal(0)
        if course is None or (drawn and total > FLATTEST * max(line.total for line in found)):
            continue
        even = None if prompt is None else break_even(course, prompt.course, calls, months)
        drawn += 1
        found.append(Line(one.model, _last(one.name), f"line-{drawn}", course, total, even))
        if drawn == LINES:
            break
    return tuple(found)


def drawing(found: Sequence[Line], months: int, calls_per_month: int) -> Markup:
    """Axis, lines with the crossings marked, and the names."""
    crossings = [(line, when) for line in found if (when := line.crossing(months)) is not None]
    crossings.sort(key=lambda one: one[1])  # so that no word lies on the line of a later one
    top = _END + 14 * len(crossings)
    most = max([float(line.total) for line in found] + [float(line.course.once) for line in found])
    marks = [mark for mark in ticks(0.0, most or 1.0, 4) if mark <= most]
    along = Scale(0.0, float(months))

    def y(usd: float) -> float:
        return round(_BASE - (_BASE - top) * usd / (most or 1.0), 2)

    labels = [
        f'<text x="38" y="{y(mark) + 4}" text-anchor="end">{short_usd(mark)}</text>'
        for mark in marks
    ]
    grid = [
        f'<line class="grid" x1="0" x2="100%" y1="{y(mark)}" y2="{y(mark)}"/>' for mark in marks
    ]
    times = [
        f'<text x="{along.at(mark)}%" y="{_BASE + 17}" text-anchor="middle">{mark:,.0f}</text>'
        for mark in ticks(0.0, float(months), 6)
        if mark == int(mark) and mark <= months
    ]
    drawn = [
        f'<g class="course {line.style}"><line x1="{along.at(0)}%" y1="{y(float(line.course.once))}" '
        f'x2="{along.at(months)}%" y2="{y(float(line.total))}"/><title>{escape(_said(line, months))}</title></g>'
        for line in reversed(found)
    ]
    crossed = []
    for row, (line, when) in enumerate(crossings):
        x, usd = along.at(float(when)), float(line.course.after(when, calls_per_month))
        crossed.append(_crossing(x, y(usd), 12 + 14 * row, line, when))
    plot = svg(
        _HEIGHT,
        "What has been paid by the end of each month, in USD",
        *grid,
        *times,
        f'<text x="{along.at(months)}%" y="{_HEIGHT - 2}" text-anchor="end">months</text>',
        *drawn,
        *crossed,
        details="; ".join(_said(line, months) for line in found),
    )
    ends = [(line, y(float(line.total))) for line in found]
    return (
        axis(_HEIGHT, *labels, '<text x="38" y="12" text-anchor="end">USD</text>')
        + Markup('<div class="lines">')
        + plot
        + Markup("</div>")
        + _names(ends)
    )


def _said(line: Line, months: int) -> str:
    return f"{one_line(line.name, 200)}: from {usd_text(line.course.once)} to {usd_text(line.total)} USD in {months} months"


def _crossing(x: float, y: float, word: int, line: Line, when: Decimal) -> str:
    anchor, shift = ("start", 5) if x < 50 else ("end", -5)
    told = f"{one_line(line.name, 200)} has cost no more than the prompt after {when:,.1f} months"
    return (
        f'<g class="crossing {line.style}"><line x1="{x}%" x2="{x}%" y1="{word - 9}" y2="{_BASE}"/>'
        f'<circle cx="{x}%" cy="{y}" r="4.5"/>'
        f'<text x="{x}%" dx="{shift}" y="{word}" text-anchor="{anchor}">{when:,.1f} months</text>'
        f"<title>{escape(told)}</title></g>"
    )


def _names(ends: Sequence[tuple[Line, float]]) -> Markup:
    """The column of names, each joined to the end of its line; they keep their order and never lie on each other."""
    placed = []
    lowest = _BASE - 4.0
    for line, y in sorted(ends, key=lambda end: -end[1]):
        place = min(y, lowest)
        placed.append((line, y, place))
        lowest = place - _NAME
    lift = min(0.0, min((place for _, _, place in placed), default=0.0) - _END)
    parts = []
    for line, y, place in placed:
        at = round(place - lift, 2)
        parts.append(
            f'<g class="name {line.style}"><path d="M0 {y} L5 {y} L14 {at} L18 {at}"/>'
            f'<text x="22" y="{at}" class="total">{usd_text(line.total)} USD{", prompt" if line.style == "prompt" else ""}</text>'
            f'<text x="22" y="{round(at + 13, 2)}">{escape(line.short)}</text></g>'
        )
    return Markup(
        f'<svg class="names" width="168" height="{_HEIGHT}" aria-hidden="true">{"".join(parts)}</svg>'
    )


def _last(name: str) -> str:
    """The last part of a name, short enough for the column."""
    short = one_line(name.rstrip("/").rpartition("/")[2], 400)
    return short if len(short) <= _LETTERS else short[: _LETTERS - 1] + "…"
