"""The drawings of a data card; how they stretch and where their colours come from is in `ftkit.pages.svg`."""

from __future__ import annotations

from markupsafe import Markup, escape

from ftkit.data.checks.spread import Bin, Spread
from ftkit.pages.svg import EDGE, Scale, axis, svg, ticks

HEIGHT = 200
_TOP, _BASE = 46, 158  # pixels: the lines of the marks' words above, the ticks and the unit below
_GAP = 0.02  # of the width, before the bar of what is longer than the axis
_ROOM = (
    1.6  # a limit within so many axes stretches the axis, so that it can be seen how far off it is
)


def histogram(spread: Spread, name: str, limit: int | None = None) -> Markup:
    """Rows by length, with the median and the 95th percentile marked, and the limit where it lies near enough."""
    first, last = spread.bins[0].low, spread.bins[-1].high + 1
    near = limit is not None and limit < first + _ROOM * (last - first)
    end = max(last, limit + 1) if near and limit is not None else last
    tail = (end - first) * 0.05 if spread.beyond else 0.0
    scale = Scale(first, end + tail + ((end - first) * _GAP if tail else 0))
    most = max(spread.beyond, *(one.count for one in spread.bins))
    rows = [mark for mark in ticks(0, most, 3) if mark == int(mark)]
    top = max(most, rows[-1])

    def y(count: float) -> float:
        return round(_BASE - (_BASE - _TOP) * count / top, 2)

    bars = [
        _bar(scale.at(one.low), scale.at(one.high + 1), y(one.count), _said(spread, one))
        for one in spread.bins
        if one.count
    ]
    if tail:
        text = f"more than {spread.bins[-1].high:,} {spread.unit}: {_share(spread, spread.beyond)}"
        bars.append(
            _bar(
                scale.at(end + tail * 0.4), scale.at(scale.high), y(spread.beyond), text, " beyond"
            )
        )
    marks = [(spread.median, "median", "median"), (spread.p95, "95th percentile", "high")]
    if near and limit is not None:
        marks.append((limit, "limit of the model", "limit"))
    levels = [
        (scale.at(value), 12 + 13 * line, f"{word} {value:,}", style)
        for line, (value, word, style) in enumerate(marks)
    ]
    labels = [
        f'<text x="38" y="{y(mark) + 4}" text-anchor="end">{mark:,.0f}</text>' for mark in rows
    ]
    grid = [f'<line class="grid" x1="0" x2="100%" y1="{y(mark)}" y2="{y(mark)}"/>' for mark in rows]
    lengths = [
        f'<text x="{scale.at(mark)}%" y="{_BASE + 16}" text-anchor="middle">{mark:,.0f}</text>'
        for mark in ticks(first, end, 4)
        if first <= mark <= end and mark == int(mark)
    ]
    unit = (
        f'<text x="{100 - EDGE}%" y="{HEIGHT - 8}" text-anchor="end">{escape(spread.unit)}</text>'
    )
    drawn = svg(
        HEIGHT,
        name,
        *grid,
        *bars,
        *lengths,
        unit,
        *(_line(place, line, style) for place, line, _, style in levels),
        *(_word(*level) for level in levels),  # over the lines, which they would cross
        details=in_words(spread),
    )
    return axis(HEIGHT, *labels, '<text x="38" y="12" text-anchor="end">rows</text>') + drawn


def share_bar(share: float, most: float, label: str, style: str = "candidate") -> Markup:
    """A bar from 0, as long as `share` is of `most`."""
    room = 100 - 2 * EDGE
    width = room * min(1.0, share / most) if most > 0 else 0
    return svg(
        18,
        label,
        f'<rect class="track" x="{EDGE}%" y="4" width="{room}%" height="10" rx="2"/>',
        f'<rect class="bar {style}" x="{EDGE}%" y="4" width="{width:.3f}%" height="10" rx="2"/>',
    )


def in_words(spread: Spread) -> str:
    """The quantiles, as a screen reader and a caption say them."""
    return (
        f"median {spread.median:,}, 95th percentile {spread.p95:,}, shortest {spread.low:,}, longest {spread.high:,} "
        f"{spread.unit}"
    )


def _said(spread: Spread, one: Bin) -> str:
    span = f"{one.low:,}" if one.low == one.high else f"{one.low:,} to {one.high:,}"
    return f"{span} {spread.unit}: {_share(spread, one.count)}"


def _share(spread: Spread, count: int) -> str:
    return f"{count:,} {'row' if count == 1 else 'rows'} ({count / spread.rows:.1%})"


def _bar(left: float, right: float, y: float, told: str, style: str = "") -> str:
    """A bar, and over it a place as high as the drawing, so that low bars too tell their count when pointed at."""
    width = round(max(0.1, right - left), 3)
    return (
        f'<g class="bin{style}"><rect x="{left}%" width="{width}%" y="{min(y, _BASE - 1.5)}" '
        f'height="{max(1.5, round(_BASE - y, 2))}"/>'
        f'<rect class="place" x="{left}%" width="{width}%" y="{_TOP}" height="{_BASE - _TOP}"/>'
        f"<title>{escape(told)}</title></g>"
    )


def _line(position: float, line: int, style: str) -> str:
    return f'<line class="level {style}" x1="{position}%" x2="{position}%" y1="{line - 9}" y2="{_BASE}"/>'


def _word(position: float, line: int, words: str, style: str) -> str:
    anchor, shift = ("start", 4) if position < 55 else ("end", -4)
    return (
        f'<text class="told {style}" x="{position}%" dx="{shift}" y="{line}" text-anchor="{anchor}">'
        f"{escape(words)}</text>"
    )
