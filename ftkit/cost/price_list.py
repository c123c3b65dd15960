"""Every price of the catalogues in force, with its source and date, and a second opinion on those of inference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from ftkit import clock
from ftkit.backend import Backend
from ftkit.catalogue import ModelFacts, RateUse
from ftkit.config import Settings
from ftkit.errors import NotFound, NotInstalled
from ftkit.registry import backend_names, open_backend

_CHECKED: tuple[RateUse, ...] = ("base_input", "base_output")
_TOKENS = 1_000  # of the call that is priced twice; few, as long calls cost more at some providers
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """One price in force: `use` says what for (train, input, hosting, ...); `usd` is None where nobody knows it."""

    provider: str
    model: str
    tier: str | None
    use: str
    usd: Decimal | None
    unit: str
    source: str
    as_of: date
    stale: bool
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; money is a string."""
        return {
            "provider": self.provider,
            "model": self.model,
            "tier": self.tier,
            "use": self.use,
            "usd": None if self.usd is None else str(self.usd),
            "unit": self.unit,
            "source": self.source,
            "as_of": self.as_of.isoformat(),
            "stale": self.stale,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """A price of ours beside that of the package genai-prices; neither is taken for the right one."""

    price: Price
    theirs: Decimal

    @property
    def agrees(self) -> bool:
        """True where both are the same to the hundredth part of a cent."""
        return self.price.usd is not None and abs(self.price.usd - self.theirs) < Decimal("0.0001")


def price_list(settings: Settings, provider: str | None = None) -> tuple[Price, ...]:
    """Of one instance, or of all that are installed or configured. Raises NotFound for an unknown one."""
    names = [provider] if provider else sorted({*backend_names(), *settings.providers})
    oldest = clock.now().date() - timedelta(days=settings.stale_after_days)
    return tuple(
        price for name in names for price in _of(name, open_backend(name, settings), oldest)
    )


def second_opinions(settings: Settings, provider: str | None = None) -> tuple[SecondOpinion, ...]:
    """The prices of bases that genai-prices knows too. Raises NotInstalled without the package, NotFound where it knows none."""
    try:
        from genai_prices import Usage, calc_price
    except ImportError as error:
        raise NotInstalled(
            "prices are compared with the package genai-prices: pip install 'ftkit[prices]'"
        ) from error
    found = []
    for price in price_list(settings, provider):
        catalogue = open_backend(price.provider, settings).catalogue
        if price.use not in _CHECKED or catalogue.genai_prices is None or price.tier is not None:
            continue
        read = _TOKENS if price.use == "base_input" else 0
        try:
            told = calc_price(
                Usage(input_tokens=read, output_tokens=_TOKENS - read),
                _name_there(price.model),
                provider_id=catalogue.genai_prices,
                genai_request_timestamp=clock.now(),
            )
        except LookupError:
            continue
        found.append(SecondOpinion(price, told.total_price * _MILLION / _TOKENS))
    if not found:
        raise NotFound(f"genai-prices knows none of the models of {provider or 'these providers'}")
    return tuple(found)


def _of(name: str, backend: Backend, oldest: date) -> Iterator[Price]:
    for model, row in backend.catalogue.models.items():
        for tier in row.tiers or (None,):
            for use, rate_name in _uses(row.at(tier)):
                rate = backend.catalogue.rates[rate_name]
                stale = rate.as_of < oldest
                yield Price(
                    name,
                    model,
                    tier,
                    use,
                    rate.usd,
                    rate.unit,
                    rate.source,
                    rate.as_of,
                    stale,
                    rate.note,
                )


def _uses(row: ModelFacts) -> Iterator[tuple[str, str]]:
    """What for, and the rate's name; those of long prompts say so."""
    yield from row.rates.items()
    if row.long_prompts is not None:
        for use, rate in row.long_prompts.rates.items():
            yield f"{use}, prompts over {row.long_prompts.above:,} tokens", rate


def _name_there(model: str) -> str:
    """Bedrock's names for tuning end in the length of the context, which no other list has."""
    head, colon, tail = model.rpartition(":")
    return head if colon and tail.endswith("k") else model
