"""The models the emulator knows: what they take, what they cost, when they are switched off.

From Anthropic's pages of autumn 2026 (models, pricing, deprecations, each model's migration guide) and, for prices, the
package genai-prices 0.2.3. This table is the witness's own: it is never read from the product.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

MILLION = Decimal(1_000_000)
EFFORTS = ("low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True, slots=True)
class Rates:
    """USD per million tokens: read anew, written to the cache for 5 minutes or an hour, read from it, answered."""

    input: Decimal
    write_5m: Decimal
    write_1h: Decimal
    read: Decimal
    output: Decimal

    def times(self, factor: Decimal) -> Rates:
        """All of them times a factor."""
        return Rates(
            self.input * factor,
            self.write_5m * factor,
            self.write_1h * factor,
            self.read * factor,
            self.output * factor,
        )


@dataclass(frozen=True, slots=True)
class Model:
    """A model. `thinking` are the types it takes, the first what it does unasked; `no_thinking_up_to` the efforts at
    which "disabled" is taken. A prompt over `long_from` tokens pays `long_factor` times everything.
    """

    id: str
    name: str
    line: str
    released: date
    rates: Rates | None
    thinking: tuple[str, ...] = ("adaptive",)
    efforts: tuple[str, ...] = EFFORTS
    effort: str = "high"
    forced_tools: bool = False
    prefill: bool = False
    free_sampling: bool = False  # else only the values that it has anyway
    midway_system: bool = True
    bound_thinking: bool = True
    structured: bool = True
    cached_from: int = 512
    context: int = 1_000_000
    most_output: int = 128_000
    long_from: int | None = None
    long_factor: Decimal = Decimal(1)
    deprecated: date | None = None
    retires: date | None = None
    alias: str | None = None

    def retired(self, now: datetime) -> bool:
        """True from its last day on."""
        return self.retires is not None and now.date() >= self.retires

    def lifecycle(self, now: datetime) -> str:
        """active, deprecated or retired."""
        if self.retired(now):
            return "retired"
        told = self.deprecated is not None and now.date() >= self.deprecated
        return "deprecated" if told else "active"

    def price(self, prompt: int, *, batch: bool) -> Rates | None:
        """What a call with a prompt of so many tokens, cached ones too, pays for each of them."""
        if self.rates is None:
            return None
        longer = self.long_from is not None and prompt > self.long_from
        factor = self.long_factor if longer else Decimal(1)
        return self.rates.times(factor / 2 if batch else factor)


def _rates(prices: str) -> Rates:
    return Rates(*(Decimal(text) for text in prices.split()))


# Of Sonnet 4.5 the package names the last day only: the day of its deprecation is a stand-in.
_OLD: dict[str, Any] = {
    "thinking": ("disabled", "enabled"),
    "efforts": (),
    "effort": "",
    "forced_tools": True,
    "prefill": True,
    "free_sampling": True,
    "midway_system": False,
    "bound_thinking": False,
    "context": 200_000,
    "most_output": 64_000,
}
_ALL = [
    Model(
        "claude-haiku-5-5",
        "Claude Haiku 5.5",
        "haiku",
        date(2026, 10, 7),
        _rates("0.10 0.125 0.20 0.01 0.50"),
        thinking=("adaptive", "disabled"),
        effort="medium",
        forced_tools=True,
        long_from=100_000,
        long_factor=Decimal(5),
    ),
    Model(
        "claude-sonnet-5-5",
        "Claude Sonnet 5.5",
        "sonnet",
        date(2026, 9, 28),
        _rates("2 2.50 4 0.10 10"),
        thinking=("adaptive", "between_tools"),
    ),
    Model(
        "claude-opus-5-5",
        "Claude Opus 5.5",
        "opus",
        date(2026, 9, 22),
        _rates("4 5 8 0.20 20"),
        effort="medium",
    ),
    Model(
        "claude-haiku-4-5-20251001",
        "Claude Haiku 4.5",
        "haiku",
        date(2025, 10, 1),
        _rates("1 1.25 2 0.10 5"),
        alias="claude-haiku-4-5",
        cached_from=4096,
        **_OLD,
    ),
    Model(
        "claude-sonnet-4-5-20250929",
        "Claude Sonnet 4.5",
        "sonnet",
        date(2025, 9, 29),
        _rates("3 3.75 6 0.30 15"),
        alias="claude-sonnet-4-5",
        cached_from=1024,
        deprecated=date(2026, 9, 30),
        retires=date(2026, 11, 30),
        **_OLD,
    ),
    Model(
        "claude-3-haiku-20240307",
        "Claude Haiku 3",
        "haiku",
        date(2024, 3, 7),
        _rates("0.25 0.30 0.50 0.03 1.25"),
        cached_from=2048,
        structured=False,
        deprecated=date(2026, 2, 19),
        retires=date(2026, 4, 20),
        **{**_OLD, "thinking": ("disabled",), "most_output": 4096},
    ),
]
MODELS = {model.id: model for model in _ALL}
ALIASES = {model.alias: model.id for model in _ALL if model.alias}


def known(id: str, retirements: str) -> Model | None:
    """The model of this name, with a last day that a setting has moved; None where there is none."""
    model = MODELS.get(ALIASES.get(id, id))
    moved = moved_days(retirements)
    if model is None or model.id not in moved:
        return model
    last = moved[model.id]
    return replace(model, retires=last, deprecated=model.deprecated or date.min)


def moved_days(retirements: str) -> dict[str, date]:
    """Model by model the last day that "MODEL=DATE MODEL=DATE" sets; ValueError where that says nothing."""
    found = {}
    for entry in retirements.split():
        id, _, day = entry.partition("=")
        id = ALIASES.get(id, id)
        if id not in MODELS:
            raise ValueError(f"there is no model {id!r}")
        found[id] = date.fromisoformat(day)
    return found


def midnight(day: date) -> str:
    """The beginning of a day, as the API writes moments."""
    return moment(datetime.combine(day, datetime.min.time(), UTC))


def moment(at: datetime) -> str:
    """RFC 3339, with microseconds."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
