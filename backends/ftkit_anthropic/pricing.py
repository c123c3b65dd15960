"""Anthropic's bill: by the token, and half of it in a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ftkit.backend import CallRates, ModelRecord
from ftkit.catalogue import Catalogue, RateUse
from ftkit.tariffs import TokenTariff

_UNKNOWN = "unknown"


class AnthropicPricing(TokenTariff):
    """Pricing of Claude."""

    def __init__(self, name: str, catalogue: Catalogue) -> None:
        super().__init__(name, catalogue)
        self._models = catalogue

    def batch_rates(self, record: ModelRecord) -> CallRates | None:
        """What a cache has read counts as any other input here: it is never less than the bill."""
        facts = self._models.model(record.base)
        if facts is None:
            return CallRates(_UNKNOWN, _UNKNOWN)
        rates = _rates(facts.rates)
        if facts.long_prompts is None:
            return rates
        longer = facts.long_prompts
        return replace(rates, longer=(longer.above, _rates(longer.rates)))


def _rates(rates: Mapping[RateUse, str]) -> CallRates:
    return CallRates(
        rates.get("base_batch_input", _UNKNOWN), rates.get("base_batch_output", _UNKNOWN)
    )
