"""Jobs that are charged by the token: tokens of the rows times epochs, by the provider's own rule of counting."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from ftkit.backend import Base, CallRates, ModelRecord, Quantity, Resolved
from ftkit.catalogue import Billing, Catalogue, ModelFacts, RateUse
from ftkit.data.tokens import Counts
from ftkit.errors import NotFound
from ftkit.hyperparameters import Hyperparameters, Method
from ftkit.tariffs.answers import UNKNOWN, rates_of_answers
from ftkit.tariffs.settings import resolved_settings

_MILLION = 1_000_000
_USE: dict[Method, RateUse] = {Method.FULL: "train_full", Method.DPO: "train_dpo"}


def spread(quantity: Quantity, counts: Counts) -> Quantity:
    """A quantity of tokens with what is expected and the least, where the tokens are an estimate."""
    if counts.estimated is None:
        return quantity
    expected = quantity.amount * Decimal(str(round(counts.expected_share, 6)))
    low = expected / (1 + Decimal(str(round(counts.estimated.worst_error, 4))))
    why = f"tokens without their tokenizer, at worst +-{counts.estimated.worst_error:.0%} off"
    return replace(quantity, expected=expected, low=low, why=why)


class TokenTariff:
    """The Pricing of a provider whose catalogue has all that it needs. `tier` is the one that the instance is set to."""

    def __init__(self, name: str, catalogue: Catalogue, tier: str | None = None) -> None:
        self._name, self._catalogue, self._tier = name, catalogue, tier

    def in_tier(self, tier: str) -> TokenTariff:
        """The same prices in another tier."""
        return TokenTariff(self._name, self._catalogue, tier)

    def base(self, native: str) -> Base:
        """A model of the catalogue, by its dated name; raises NotFound with the nearest."""
        facts = self._catalogue.model(native)
        if facts is None:
            raise NotFound(
                f"the catalogue of {self._name} has no {native!r}{self._catalogue.suggestion(native)}"
            )
        name = facts.snapshot or next(
            row for row, one in self._catalogue.models.items() if one is facts
        )
        return Base(name, name, self._name, facts.max_length)

    def resolve(
        self, base: Base, method: Method, hyperparameters: Hyperparameters, counts: Counts
    ) -> Resolved:
        """Every setting that changes the bill; raises CapabilityError for a method or setting that the model does not take."""
        facts = self._row(base.id)
        facts.at(
            self._tier if facts.tiers else None
        )  # an unknown tier is an error here, not at the bill
        ranges = {**self._catalogue.hyperparameters, **facts.hyperparameters}
        settings = resolved_settings(self._name, base.id, facts, method, hyperparameters, ranges)
        epochs, batch = settings.epochs or 1, settings.batch_size
        steps = 0 if batch is None else max(1, math.ceil(counts.rows / batch * epochs))
        tier = self._tier or next(iter(facts.tiers), None) if facts.tiers else None
        return Resolved(base, method, settings, steps, counts, tier=tier)

    def bill(self, resolved: Resolved) -> Sequence[Quantity]:
        """Millions of tokens of all epochs, as the provider counts them; of validation rows where it charges for them."""
        facts = self._facts(resolved.base.id)
        rate = self._rate(facts, resolved.method)
        unit = self._catalogue.rates[rate].unit
        epochs = Decimal(str(resolved.hyperparameters.epochs or 1))

        def line(label: str, tokens: int, counts: Counts) -> Quantity:
            return spread(Quantity(label, tokens * epochs / _MILLION, unit, rate), counts)

        lines = [line("training", self._charged(resolved), resolved.counts)]
        billing = self._catalogue.billing
        if resolved.validation is not None and billing is not None and billing.charges_validation:
            watched = resolved.validation
            lines.append(line("validation, once an epoch", watched.tokens, watched))
        return lines

    def call_rates(self, record: ModelRecord) -> CallRates | None:
        """The rates of an answer: of the tuned model, or of its base."""
        facts = self._catalogue.model(record.base)
        if facts is not None and facts.tiers:
            facts = facts.at(self._tier)
        return rates_of_answers(facts, tuned=record.tuned)

    def _row(self, name: str) -> ModelFacts:
        facts = self._catalogue.model(name)
        if facts is None:
            raise NotFound(f"the catalogue of {self._name} has no {name!r}")
        return facts

    def _facts(self, name: str) -> ModelFacts:
        facts = self._row(name)
        return facts.at(self._tier if facts.tiers else None)

    def _rate(self, facts: ModelFacts, method: Method) -> str:
        use = _USE.get(method, "train")
        return facts.rates.get(use, UNKNOWN)

    def _charged(self, resolved: Resolved) -> int:
        """Tokens of one epoch."""
        longest = resolved.hyperparameters.max_length or resolved.base.max_length
        billing: Billing | None = self._catalogue.billing
        if billing is not None and not billing.packs and longest is not None:
            return longest * len(resolved.counts.lengths)
        return sum(min(length, longest or length) for length in resolved.counts.lengths)
