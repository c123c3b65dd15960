"""The bases the emulator knows: what tuning and calls cost, where and until when they are tuned.

USD per million tokens, from Google's pricing page as it was quoted in autumn 2026 and its price table of open models of
August 2026. This table is the witness's own: it is never read from the product.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

MILLION = Decimal(1_000_000)
TUNED_IN = ("us-central1", "europe-west4")
OPEN_TUNED_IN = (
    "global",
    "us-central1",
    "europe-west4",
    "us-west1",
    "us-east5",
    "asia-southeast1",
)
SERVED_IN = {"us-central1": "us", "europe-west4": "eu"}
REGIONAL = Decimal("1.1")  # a tenth more outside of the global location, Gemini 3 and later


@dataclass(frozen=True, slots=True)
class Base:
    """A base; `train` is None where its price is not known, `methods` is empty where it cannot be tuned."""

    name: str
    train: Decimal | None = None
    read: Decimal | None = None
    written: Decimal | None = None
    methods: tuple[str, ...] = ()
    tuned_in: tuple[str, ...] = TUNED_IN
    ranks: tuple[int, ...] = (1, 2, 4, 8, 16)
    open: bool = False
    closed_to_new: date | None = None
    shutdown: date | None = None

    @property
    def newer(self) -> bool:
        """True for Gemini 3 and later: tuned calls cost half as much again, and are served in us or eu only."""
        return self.name.startswith("gemini-3")

    def usd(self, read: int, written: int, *, tuned: bool, location: str) -> Decimal:
        """What a call costs; 0 where the price is not known."""
        if self.read is None or self.written is None:
            return Decimal(0)
        usd = (read * self.read + written * self.written) / MILLION
        if self.newer and tuned:
            return usd * Decimal("1.5")
        return usd * REGIONAL if self.newer and location != "global" else usd


def _gemini(name: str, prices: str, *methods: str, **more: object) -> Base:
    """`prices`: training or "-", read, written."""
    train, read, written = prices.split()
    amount = None if train == "-" else Decimal(train)
    return Base(name, amount, Decimal(read), Decimal(written), methods, **more)  # type: ignore[arg-type]


def _open(name: str, train: str | None) -> Base:
    return Base(
        name,
        Decimal(train) if train else None,
        methods=("supervised",),
        tuned_in=OPEN_TUNED_IN,
        ranks=(1, 2, 4, 8, 16, 32),
        open=True,
    )


CLOSED = date(2026, 10, 20)
SPRING = date(2027, 3, 31)
_ALL = [
    _gemini("gemini-3.5-flash", "10.00 1.50 9.00", "supervised"),
    _gemini("gemini-3.1-flash-lite", "3.00 0.25 1.50", "supervised"),
    _gemini("gemini-3.5-flash-lite", "- 0.30 2.50", "supervised"),
    _gemini(
        "gemini-2.5-pro",
        "25.00 1.25 10.00",
        "supervised",
        ranks=(1, 2, 4, 8),
        closed_to_new=CLOSED,
        shutdown=SPRING,
    ),
    _gemini(
        "gemini-2.5-flash",
        "5.00 0.30 2.50",
        "supervised",
        "preference",
        closed_to_new=CLOSED,
        shutdown=SPRING,
    ),
    _gemini(
        "gemini-2.5-flash-lite",
        "1.50 0.10 0.40",
        "supervised",
        "preference",
        closed_to_new=CLOSED,
        shutdown=date(2027, 1, 28),
    ),
    _gemini("gemini-3.8-flash", "- 1.50 9.00"),  # its price is the emulator's own; it is not tuned
    _gemini("gemini-3.1-pro-preview", "- 2.00 12.00"),  # and so
    _open("google/gemma4@gemma-4-e2b-it", "1.40"),
    _open("google/gemma4@gemma-4-e4b-it", "1.73"),
    _open("google/gemma4@gemma-4-26b-a4b-it", "2.58"),
    _open("google/gemma4@gemma-4-31b-it", "9.06"),
    _open("google/gemma3@gemma-3-1b-it", "0.47"),
    _open("google/gemma3@gemma-3-4b-it", "1.14"),
    _open("google/gemma3@gemma-3-12b-it", "1.82"),
    _open("google/gemma3@gemma-3-27b-it", "6.83"),
    _open("google/medgemma@medgemma-1.5-4b-it", "1.14"),
    _open("meta/llama3_1@llama-3.1-8b", "0.67"),
    _open("meta/llama3_1@llama-3.1-8b-instruct", "0.67"),
    _open("meta/llama3-2@llama-3.2-1b-instruct", "0.28"),
    _open("meta/llama3-2@llama-3.2-3b-instruct", "0.61"),
    _open("meta/llama3-3@llama-3.3-70b-instruct", "6.72"),
    _open("meta/llama4@llama-4-scout-17b-16e-instruct", "5.77"),
    _open("qwen/qwen3-5@qwen3.5-9b", None),
    _open("qwen/qwen3@qwen3-4b", "1.35"),
    _open("qwen/qwen3@qwen3-8b", "4.18"),
    _open("qwen/qwen3@qwen3-14b", "8.46"),
    _open("qwen/qwen3@qwen3-32b", "6.57"),
]
BASES = {base.name: base for base in _ALL}
