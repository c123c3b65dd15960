"""The bases the emulator knows: what training and calls cost, until when jobs are taken, when they are switched off.

USD per million tokens, from OpenAI's pricing and deprecations pages as they stood in autumn 2026. This table is the
witness's own: it is never read from the product, which must arrive at the same dollars by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Rates:
    """Prices of calls: tokens read, tokens written."""

    read: Decimal
    written: Decimal

    def usd(self, read: int, written: int) -> Decimal:
        """What a call of so many tokens costs."""
        return (read * self.read + written * self.written) / MILLION

    def half(self) -> Rates:
        """What a batch pays."""
        return Rates(self.read / 2, self.written / 2)


@dataclass(frozen=True, slots=True)
class Base:
    """A base model; `train` is None where it cannot be tuned, `plain` None where its price is not known."""

    name: str
    alias: str | None
    train: Decimal | None
    tuned: Rates | None
    tuned_batch: Rates | None
    plain: Rates | None
    shutdown: date | None
    closed_from: date | None
    created: date

    def rates(self, tuned: bool, batch: bool) -> Rates | None:
        """Prices of a call to it or to a model tuned from it; the batch price of a plain one is half."""
        if tuned:
            return self.tuned_batch if batch else self.tuned
        return self.plain.half() if batch and self.plain else self.plain


def _base(
    name: str,
    alias: str | None,
    train: str | None,
    prices: str,
    shutdown: str | None,
    closed_from: str | None,
    created: str,
) -> Base:
    """`prices`: tuned read/written, tuned batch read/written, plain read/written; all or none."""
    amounts = [Decimal(text) for text in prices.split()]
    pairs = [Rates(*amounts[at : at + 2]) for at in range(0, len(amounts), 2)]
    tuned, tuned_batch, plain = pairs or (None, None, None)
    return Base(
        name,
        alias,
        Decimal(train) if train else None,
        tuned,
        tuned_batch,
        plain,
        date.fromisoformat(shutdown) if shutdown else None,
        date.fromisoformat(closed_from) if closed_from else None,
        date.fromisoformat(created),
    )


_ALL = [
    _base(
        "gpt-4.1-2025-04-14",
        "gpt-4.1",
        "25",
        "3.00 12.00 1.50 6.00 2.00 8.00",
        "2027-01-14",
        "2027-01-06",
        "2025-04-14",
    ),
    _base(
        "gpt-4.1-mini-2025-04-14",
        "gpt-4.1-mini",
        "5",
        "0.80 3.20 0.40 1.60 0.40 1.60",
        "2027-01-14",
        "2027-01-06",
        "2025-04-14",
    ),
    _base(
        "gpt-4o-2024-08-06",
        "gpt-4o",
        "25",
        "3.75 15.00 2.225 12.50 2.50 10.00",
        "2027-01-14",
        "2027-01-06",
        "2024-08-06",
    ),
    _base(
        "gpt-4o-mini-2024-07-18",
        "gpt-4o-mini",
        "3",
        "0.30 1.20 0.15 0.60 0.15 0.60",
        "2027-01-14",
        "2027-01-06",
        "2024-07-18",
    ),
    _base(
        "gpt-4.1-nano-2025-04-14",
        "gpt-4.1-nano",
        "1.50",
        "0.20 0.80 0.10 0.40 0.10 0.40",
        "2026-10-23",
        "2026-10-23",
        "2025-04-14",
    ),
    _base("gpt-6-luna", None, None, "", None, None, "2026-09-01"),
]
BASES = {base.name: base for base in _ALL}
ALIASES = {base.alias: base.name for base in _ALL if base.alias}
