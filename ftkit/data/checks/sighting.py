"""A secret or a personal datum where it stands in one text, and what may be said of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sighting:
    """`text[start:end]` is what must not be shown; `mask` is its kind, public prefix and length."""

    start: int
    end: int
    mask: str
