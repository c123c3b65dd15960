"""A quote from numbers alone: so many tokens, so many epochs, at a model's prices or at one's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal, InvalidOperation
from typing import get_args

from ftkit import clock
from ftkit.backend import Base, Resolved
from ftkit.catalogue import Catalogue, Rate, RateUse
from ftkit.config import Settings
from ftkit.cost.planning import base_of, parsed_method
from ftkit.cost.quote import Quote, QuoteLine, priced
from ftkit.data.tokens import Counts
from ftkit.errors import ConfigError
from ftkit.hyperparameters import Hyperparameters
from ftkit.registry import open_backend, split_model
from ftkit.words import nearest

Usd = Decimal | float | int | str
_OWN = "the argument rates="
_TOKENS_OF_A_ROW = 1_000  # where nobody says how many rows there are
_MILLION = 1_000_000
_USES: tuple[RateUse, ...] = get_args(RateUse)
_UNITS: dict[RateUse, str] = {"train_hour": "hour", "hosting": "hour", "storage": "month"}


@dataclass(frozen=True, slots=True)
class Amounts:
    """What is to be paid for: `tokens` of one pass over the rows, and what the model will be used for, all together."""

    tokens: int = 0
    rows: int | None = None
    training_hours: Decimal = Decimal(0)
    hosting_hours: Decimal = Decimal(0)
    storage_months: Decimal = Decimal(0)
    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def counts(self) -> Counts:
        """Rows of equal length that have these tokens."""
        rows = self.rows or max(1, -(-self.tokens // _TOKENS_OF_A_ROW))
        each, over = divmod(self.tokens, rows)
        lengths = tuple(each + (index < over) for index in range(rows))
        return Counts(rows, self.tokens, 0, lengths)

    @property
    def uses(self) -> Iterator[tuple[str, Decimal, RateUse]]:
        """What is paid for beside the training: label, amount in the unit of the rate, and which rate."""
        of_use: tuple[tuple[str, Decimal, RateUse], ...] = (
            ("training by the hour", self.training_hours, "train_hour"),
            ("hosting", self.hosting_hours, "hosting"),
            ("storage", self.storage_months, "storage"),
            ("input", Decimal(self.input_tokens) / _MILLION, "input"),
            ("output", Decimal(self.output_tokens) / _MILLION, "output"),
        )
        return (one for one in of_use if one[1])


def amounts(given: Mapping[str, float]) -> Amounts:
    """Amounts from loose numbers."""
    whole = {"tokens", "rows", "input_tokens", "output_tokens"}
    values = {
        name: int(value) if name in whole else Decimal(str(value)) for name, value in given.items()
    }
    return Amounts(**values)  # type: ignore[arg-type]


def quote_without_data(
    amounts: Amounts,
    settings: Settings,
    *,
    model: str | None,
    method: str | None,
    hyperparameters: Hyperparameters,
    rates: Mapping[str, Usd] | None,
) -> Quote:
    """The quote, with `rates` in place of the model's; without a model they are all there is. It cannot be submitted.

    Raises ConfigError for an amount or a rate that makes no sense, or a price that is nowhere.
    """
    _sensible(amounts)
    own = {use: _own(use, usd) for use, usd in _checked(rates or {}).items()}
    wanted = parsed_method(method or settings.method or "lora")
    if model is None:
        needed = {use for _, _, use in amounts.uses} | ({"train"} if amounts.tokens else set())
        if missing := needed - own.keys():
            raise ConfigError(
                f"name a model=, or a price of your own for {', '.join(sorted(missing))} in rates="
            )
        base = Base("prices", "prices", "own", None)
        epochs = hyperparameters.overridden_by(Hyperparameters(epochs=hyperparameters.epochs or 1))
        resolved = Resolved(base, wanted, epochs, 0, amounts.counts)
        passes = Decimal(str(epochs.epochs)) * amounts.tokens / _MILLION
        lines = [_line("training", passes, own["train"])] if amounts.tokens else []
        lines += [_line(label, amount, own.get(use)) for label, amount, use in amounts.uses]
        return Quote("own", resolved, "", None, tuple(lines), True, not_submittable=_NO_DATA)
    instance, native = split_model(model)
    backend = open_backend(instance, settings)
    if backend.pricing is None:
        raise backend.refuse("pricing")
    base = base_of(backend, native)
    resolved = backend.pricing.resolve(base, wanted, hyperparameters, amounts.counts)
    catalogue = backend.catalogue
    if "train" in own:
        billed = {quantity.rate_key: own["train"] for quantity in backend.pricing.bill(resolved)}
        catalogue = catalogue.model_copy(update={"rates": {**catalogue.rates, **billed}})
    quote = priced(replace(backend, catalogue=catalogue), instance, resolved, "")
    used = [
        _line(label, amount, own.get(use) or _listed(catalogue, resolved, use))
        for label, amount, use in amounts.uses
    ]
    trained = quote.lines if amounts.tokens else ()
    made = replace(quote, lines=(*trained, *used), not_submittable=_NO_DATA)
    return replace(made, notes=(*made.notes, *made.old_prices(settings.stale_after_days)))


_NO_DATA = "it was made from numbers, without rows"


def _listed(catalogue: Catalogue, resolved: Resolved, use: RateUse) -> Rate | None:
    facts = catalogue.model(resolved.base.id)
    name = None if facts is None else facts.at(resolved.tier).rates.get(use)
    return None if name is None else catalogue.rates[name]


def _line(label: str, amount: Decimal, rate: Rate | None) -> QuoteLine:
    if rate is None:
        return QuoteLine(label, amount, "?", None, None, "no price is known", clock.now().date())
    usd = None if rate.usd is None else amount * rate.usd
    return QuoteLine(label, amount, rate.unit, rate.usd, usd, rate.source, rate.as_of, rate.note)


def _own(use: RateUse, usd: Decimal) -> Rate:
    unit = _UNITS.get(use, "million tokens")
    return Rate(usd=usd, unit=unit, source=_OWN, as_of=clock.now().date())


def _checked(rates: Mapping[str, Usd]) -> dict[RateUse, Decimal]:
    found: dict[RateUse, Decimal] = {}
    for use in rates:
        if use not in _USES:
            raise ConfigError(f"rates= has no {use!r}{nearest(use, _USES)}")
    for use in _USES:
        if use in rates:
            try:
                found[use] = Decimal(str(rates[use]))
            except InvalidOperation:
                found[use] = Decimal("NaN")
            if not found[use].is_finite() or found[use] < 0:
                raise ConfigError(f"rates= {use!r} is {rates[use]!r}; a rate is an amount of USD")
    return found


def _sensible(amounts: Amounts) -> None:
    for field in fields(amounts):
        value = getattr(amounts, field.name)
        if value is not None and (value < 0 or (field.name == "rows" and value < 1)):
            raise ConfigError(f"{field.name}={value} makes no sense")
    if not amounts.tokens and not list(amounts.uses):
        raise ConfigError("nothing to be paid for: name tokens=, training_hours= or a use")
