"""How long each model can be trained and asked, drawn from today on; a date that nobody announced is not drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from markupsafe import Markup

from ftkit.catalogue import ModelFacts
from ftkit.cost.price_table import PriceTable
from ftkit.pages.svg import EDGE, Scale, svg
from ftkit.pages.visible_text import one_line

DRAWN = 40  # models
FARTHEST = timedelta(days=5 * 365)  # a later date stands at the end of the axis
_STEPS = (1, 3, 6, 12)  # months between two dates of the axis
_DATES = 5  # of the axis, at most
_FIRST, _LAST = (
    16,
    95,
)  # per cent: nearer to an end a date would lie on "today", or reach beyond the drawing


@dataclass(frozen=True, slots=True)
class Life:
    """The dates of a model that can be trained today."""

    provider: str
    name: str
    facts: ModelFacts

    @property
    def dates(self) -> tuple[tuple[str, date], ...]:
        """(what happens, when), as the page says it, in the order of time."""
        facts = self.facts
        named = (
            ("last training day", facts.training_until),
            ("switched off", facts.shutdown),
            ("not switched off before", facts.not_before),
        )
        return tuple(
            sorted(((what, day) for what, day in named if day is not None), key=lambda one: one[1])
        )


def lives(table: PriceTable) -> tuple[tuple[Life, ...], int]:
    """Models with an announced date, those that end first before the others of their provider; and how many have none."""
    found = {
        (one.quote.instance, one.name): Life(one.quote.instance, one.name, one.facts)
        for one in (*table.ranked, *table.unpriced)
    }
    dated = [one for one in found.values() if one.dates]
    dated.sort(key=lambda one: (one.provider, one.dates[0][1], one.name))
    return tuple(dated), len(found) - len(dated)


def scale_from(today: date, found: Sequence[Life]) -> Scale:
    """Days from today to the last date, with some room."""
    last = max((day - today for one in found for _, day in one.dates), default=timedelta(0))
    return Scale(0.0, max(30.0, min(last, FARTHEST).days * 1.03))


def life_bar(one: Life, today: date, scale: Scale) -> Markup:
    """Trained until, then asked until; a dashed bar where it is said only that it will not end before a day."""
    facts = one.facts

    def x(day: date) -> float:
        return scale.at((day - today).days)

    parts = []
    start = EDGE
    if facts.training_until is not None:
        parts.append(_bar(start, x(facts.training_until), "trained"))
        start = x(facts.training_until)
    if facts.shutdown is not None:
        parts.append(_bar(start, x(facts.shutdown), "asked"))
        start = x(facts.shutdown)
        parts.append(f'<line class="off" x1="{start}%" x2="{start}%" y1="1" y2="21"/>')
    if facts.not_before is not None and facts.not_before > today:
        end = x(facts.not_before)
        if facts.shutdown is None:
            parts.append(_bar(start, end, "safe"))
        parts.append(f'<circle class="mark" cx="{end}%" cy="11" r="4"/>')
    said = ", ".join(f"{what} {day}" for what, day in one.dates)
    return svg(22, one_line(f"{one.provider}/{one.name}", 200), *parts, details=said)


def date_axis(today: date, scale: Scale) -> Markup:
    """Today and the first days of months."""
    months = int(scale.high / 30.44)
    step = next((step for step in _STEPS if months <= step * _DATES), _STEPS[-1])
    marks = [f'<text x="{EDGE}%" y="13">today</text>']
    for ahead in range(1, months + 2):
        years, month = divmod(today.month - 1 + ahead, 12)
        day = date(today.year + years, month + 1, 1)
        place = scale.at((day - today).days)
        if month % step == 0 and _FIRST < place < _LAST:
            marks.append(f'<text x="{place}%" y="13" text-anchor="middle">{day:%Y-%m}</text>')
    return svg(18, "", *marks)


def _bar(left: float, right: float, style: str) -> str:
    return f'<rect class="life {style}" x="{left}%" y="5" width="{max(0.0, right - left):.3f}%" height="12"/>'
