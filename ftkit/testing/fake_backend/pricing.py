"""What a job of the stand-in provider consists of: trained tokens times epochs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal

from ftkit.backend import Base, CallRates, ModelRecord, Quantity, Resolved
from ftkit.catalogue import Catalogue
from ftkit.data.tokens import Counts
from ftkit.errors import CapabilityError
from ftkit.hyperparameters import Hyperparameters, Method

HONOURED = ("epochs", "batch_size", "learning_rate_multiplier", "seed", "train_on")


class FakePricing:
    """Pricing of the stand-in provider."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def resolve(
        self, base: Base, method: Method, hyperparameters: Hyperparameters, counts: Counts
    ) -> Resolved:
        """Decide every open setting; raises CapabilityError naming a field that cannot be honoured."""
        given = hyperparameters.given()
        for name in given:
            if name not in HONOURED:
                raise CapabilityError(f"fake cannot honour {name}; it takes {', '.join(HONOURED)}")
        if hyperparameters.train_on not in (None, "assistant"):
            raise CapabilityError("fake trains on answers only: leave train_on out")
        defaults = {
            "epochs": 1,
            "batch_size": 8,
            "learning_rate_multiplier": 1.0,
            "seed": 0,
            "train_on": "assistant",
        }
        settings = Hyperparameters(**{**defaults, **given})
        steps = math.ceil(counts.rows * float(settings.epochs or 1) / (settings.batch_size or 8))
        return Resolved(base, method, settings, max(1, steps), counts)

    def bill(self, resolved: Resolved) -> Sequence[Quantity]:
        """Millions of tokens of all epochs."""
        facts = self._catalogue.model(resolved.base.id)
        rate = facts.rates.get("train", "unknown") if facts is not None else "unknown"
        epochs = Decimal(str(resolved.hyperparameters.epochs or 1))
        tokens = Decimal(resolved.counts.tokens) * epochs / 1_000_000
        return [Quantity("training", tokens, "million tokens", rate)]

    def call_rates(self, record: ModelRecord) -> CallRates | None:
        """The rates of the base, tuned or not."""
        facts = self._catalogue.model(record.base)
        if facts is None or "input" not in facts.rates:
            return CallRates("unknown", "unknown")
        return CallRates(facts.rates["input"], facts.rates["output"])

    def batch_rates(self, record: ModelRecord) -> CallRates | None:
        """Half of them, where there is a price at all."""
        rates = self.call_rates(record)
        if rates is None or not rates.input.startswith("small."):
            return rates
        return CallRates("small.batch.input", "small.batch.output")
