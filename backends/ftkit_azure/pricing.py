"""What a job at Azure costs: tokens times epochs by tier. No setting is left to Azure, so that the quote is what is billed."""

from __future__ import annotations

import math
from decimal import Decimal

from ftkit.backend import Base, CallRates, ModelRecord, Resolved
from ftkit.catalogue import Catalogue
from ftkit.data.tokens import Counts
from ftkit.errors import CapabilityError
from ftkit.hyperparameters import Hyperparameters, Method
from ftkit.tariffs import TokenTariff
from ftkit_azure import tiers

_BATCH_SHARE = 0.002  # as OpenAI's first API had it; Azure documents no rule
_MOST_TOKENS = 2_000_000_000  # tokens times epochs, by Azure's page of quotas


class AzurePricing(TokenTariff):
    """Pricing of Azure; `tier` is that of training, `deployment_tier` that of answers."""

    def __init__(
        self, catalogue: Catalogue, tier: str | None = None, deployment_tier: str | None = None
    ) -> None:
        super().__init__("azure", catalogue, tier)
        self._deployed_in = deployment_tier

    def in_tier(self, tier: str) -> AzurePricing:
        """The same prices in another tier."""
        return AzurePricing(self._catalogue, tier, self._deployed_in)

    def resolve(
        self, base: Base, method: Method, hyperparameters: Hyperparameters, counts: Counts
    ) -> Resolved:
        """Decide every open setting; raises CapabilityError naming a field that cannot be honoured or is out of range."""
        given = hyperparameters.given()
        if given.pop("train_on", "assistant") != "assistant":
            raise CapabilityError("azure trains on every answer of a row: leave train_on out")
        if given.get("epochs", 1) % 1:
            raise CapabilityError(f"azure trains whole epochs: epochs = {given['epochs']:g}")
        batch = min(256, max(1, math.ceil(counts.rows * _BATCH_SHARE)))
        decided = Hyperparameters(**{"batch_size": batch, "seed": 0, **given})
        resolved = super().resolve(base, method, decided, counts)
        epochs = int(resolved.hyperparameters.epochs or 1)
        if counts.tokens * epochs > _MOST_TOKENS:
            raise CapabilityError(
                f"azure trains at most {_MOST_TOKENS:,} tokens times epochs in a job, and these are {counts.tokens:,} x "
                f"{epochs}; take fewer epochs or rows"
            )
        return resolved

    def call_rates(self, record: ModelRecord) -> CallRates | None:
        """A tuned model costs as much a token as its base, by the tier of its deployment."""
        facts = self._row(record.base)
        tier = tiers.deployment_tier(self._deployed_in, self._tier, facts)
        rates = facts.at(tier if tier in facts.tiers else None).rates
        return CallRates(rates.get("input", "unknown"), rates.get("output", "unknown"))

    def usd_of(self, base: str, tier: str | None, tokens: int) -> Decimal | None:
        """What so many trained tokens cost; None where the price is not known."""
        facts = self._catalogue.model(base)
        if facts is None or (tier is not None and tier not in facts.tiers):
            return None
        key = facts.at(tier).rates.get("train")
        usd = None if key is None else self._catalogue.rates[key].usd
        return None if usd is None else usd * tokens / 1_000_000
