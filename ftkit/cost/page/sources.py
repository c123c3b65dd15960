"""Every figure that the page rests on, with its source and its date: by provider, each figure once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from ftkit.cost.price_table import PriceTable
from ftkit.cost.quote import QuoteLine


@dataclass(slots=True)
class Figure:
    """A rate with what it is for, and all models that it holds for; `rate` None is one that nobody knows."""

    label: str
    rate: Decimal | None
    unit: str
    source: str
    as_of: date
    note: str
    stale: bool
    models: dict[str, None] = field(default_factory=dict)  # in the order in which they came


@dataclass(frozen=True, slots=True)
class ProviderFigures:
    """All figures of a provider, the oldest first."""

    provider: str
    figures: tuple[Figure, ...]

    @property
    def sources(self) -> tuple[tuple[str, date, bool, int], ...]:
        """(source, date, stale, how many figures), the oldest first."""
        counts: dict[tuple[date, str, bool], int] = {}
        for one in self.figures:
            key = (one.as_of, one.source, one.stale)
            counts[key] = counts.get(key, 0) + 1
        return tuple(
            (source, day, stale, counts[day, source, stale])
            for day, source, stale in sorted(counts)
        )


def figures(table: PriceTable) -> tuple[ProviderFigures, ...]:
    """The figures of all candidates and prompts, by provider."""
    found: dict[str, dict[tuple[object, ...], Figure]] = {}
    for provider, model, line in _lines(table):
        key = (line.label, line.rate, line.unit, line.source, line.as_of, line.note)
        of_provider = found.setdefault(provider, {})
        if key not in of_provider:
            stale = table.stale(line.as_of)
            of_provider[key] = Figure(
                line.label, line.rate, line.unit, line.source, line.as_of, line.note, stale
            )
        of_provider[key].models[model] = None
    return tuple(
        ProviderFigures(
            provider,
            tuple(
                sorted(
                    of_provider.values(),
                    key=lambda one: (one.as_of, one.source, one.label, one.rate or Decimal(0)),
                )
            ),
        )
        for provider, of_provider in sorted(found.items())
    )


def _lines(table: PriceTable) -> Iterator[tuple[str, str, QuoteLine]]:
    for one in (*table.ranked, *table.unpriced):
        for line in (*one.quote.lines, *one.monthly):
            yield one.quote.instance, one.model.partition("/")[2], line
    for prompt in table.prompts:
        provider, _, name = prompt.model.partition("/")
        for line in prompt.monthly:
            yield provider, f"{name} with a prompt", line
