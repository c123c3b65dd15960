"""The training benchmark as one self-contained SVG: bars of tokens a second and of peak memory, those of a shape together."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

_WIDTH, _ROW, _LEFT, _BAR = 720, 22, 130, 460
_COLOURS = {"ftkit": "#1f6f8b", "ftkit, bf16": "#7fb4c6", "TRL": "#c2703d"}


def plot(results: Sequence[tuple[str, str, float, float]], caption: str) -> str:
    """`results` are (shape, side, tokens a second, peak bytes)."""
    parts: list[str] = []
    y = 44
    for title, place, unit in (("tokens a second", 2, 1.0), ("peak memory, MiB", 3, 2.0**20)):
        parts.append(_text(16, y, title, weight="bold"))
        most = max(float(result[place]) for result in results)
        y += 10
        for shape, side, *numbers in results:
            value = float(numbers[place - 2])
            width = _BAR * value / most
            parts.append(_text(16, y + 14, shape if side == "ftkit" else ""))
            parts.append(
                f'<rect x="{_LEFT}" y="{y + 2}" width="{width:.1f}" height="{_ROW - 6}" fill="{_COLOURS[side]}"/>'
            )
            parts.append(_text(_LEFT + width + 6, y + 14, f"{side} {value / unit:,.0f}"))
            y += _ROW
        y += 34
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" role="img" '
        f'font-family="sans-serif" font-size="12"><title>{escape(caption)}</title>'
        f'<rect width="{_WIDTH}" height="{y}" fill="#ffffff"/>{_text(16, 20, caption)}'
        f"{''.join(parts)}</svg>\n"
    )


def _text(x: float, y: float, text: str, weight: str = "normal") -> str:
    return f'<text x="{x:.1f}" y="{y}" font-weight="{weight}" fill="#222222">{escape(text)}</text>'
