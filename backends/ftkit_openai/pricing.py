"""What a job at OpenAI consists of: tokens of the file times epochs. "auto" is never sent, so the quote is exact.

Where rows hold what is only estimated (tools, names, images) the counts say so, and the quote is the most.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from ftkit.backend import Base, CallRates, ModelRecord, Quantity, Resolved
from ftkit.catalogue import Catalogue, ModelFacts, RateUse
from ftkit.data.tokens import Counts
from ftkit.errors import CapabilityError
from ftkit.hyperparameters import Hyperparameters, Method
from ftkit.tariffs.answers import UNKNOWN, rates_of_answers

SENT = ("epochs", "batch_size", "learning_rate_multiplier", "seed")
HONOURED = (*SENT, "train_on")
HONOURED_BY_DPO = (*HONOURED, "beta")
_BATCH_SHARE = 0.002
_MILLION = 1_000_000


class OpenAIPricing:
    """Pricing of OpenAI."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def resolve(
        self, base: Base, method: Method, hyperparameters: Hyperparameters, counts: Counts
    ) -> Resolved:
        """Decide every open setting; raises CapabilityError naming a field that cannot be honoured or is out of range."""
        given = hyperparameters.given()
        honoured = HONOURED_BY_DPO if method is Method.DPO else HONOURED
        for name in given:
            if name not in honoured:
                raise CapabilityError(
                    f"openai cannot honour {name} with {method}; it takes {', '.join(honoured)}"
                )
        if given.get("train_on", "assistant") != "assistant":
            raise CapabilityError("openai trains on every answer of a row: leave train_on out")
        facts = self._catalogue.model(base.id)
        if facts is not None and facts.methods is not None and method not in facts.methods:
            taken = ", ".join(facts.methods) or "nothing"
            raise CapabilityError(f"{base.id} cannot be trained with {method}; it takes {taken}")
        for name, value in given.items():
            _in_range(base, facts, name, value)
        if given.get("epochs", 1) % 1:
            raise CapabilityError(f"openai trains whole epochs: epochs = {given['epochs']:g}")
        defaults = _defaults(facts, counts.rows, method)
        settings = Hyperparameters(**{**defaults, **given})
        batches = math.ceil(counts.rows / (settings.batch_size or 1))
        steps = batches * int(settings.epochs or 1)
        return Resolved(base, method, settings, max(1, steps), counts)

    def bill(self, resolved: Resolved) -> Sequence[Quantity]:
        """Millions of tokens of all epochs. What is cut off a row that is too long is not charged; how a pair is cut is not
        stated, so all of it is quoted.
        """
        facts = self._catalogue.model(resolved.base.id)
        rate = UNKNOWN if facts is None else facts.rates.get("train", UNKNOWN)
        longest = (
            math.inf if resolved.method is Method.DPO else resolved.base.max_length or math.inf
        )
        epoch = sum(int(min(length, longest)) for length in resolved.counts.lengths)
        tokens = Decimal(epoch) * int(resolved.hyperparameters.epochs or 1)
        unit = self._catalogue.rates[rate].unit
        return [Quantity("training", tokens / _MILLION, unit, rate)]

    def call_rates(self, record: ModelRecord) -> CallRates | None:
        """Tuned models have prices of their own, dearer than their base's."""
        return rates_of_answers(self._catalogue.model(record.base), tuned=record.tuned)

    def batch_rates(self, record: ModelRecord) -> CallRates | None:
        """Batches have prices of their own: half of the others, but not for every tuned model."""
        facts = self._catalogue.model(record.base)
        rates = {} if facts is None else facts.rates
        read: RateUse = "batch_input" if record.tuned else "base_batch_input"
        written: RateUse = "batch_output" if record.tuned else "base_batch_output"
        return CallRates(
            rates.get(read, UNKNOWN),
            rates.get(written, UNKNOWN),
            cached=rates.get("batch_cached") if record.tuned else None,
        )


def default_epochs(rows: int) -> int:
    """The cookbook's rule: 3, but at least 100 trained rows with at most 25 epochs, and at most 25,000."""
    if 3 * rows < 100:
        return min(25, max(1, 100 // max(1, rows)))
    if 3 * rows > 25_000:
        return max(1, 25_000 // rows)
    return 3


def _defaults(facts: ModelFacts | None, rows: int, method: Method) -> dict[str, Any]:
    known = {} if facts is None else facts.hyperparameters
    multiplier, beta = known.get("learning_rate_multiplier"), known.get("beta")
    return {
        "epochs": default_epochs(rows),
        "batch_size": min(256, max(1, math.ceil(rows * _BATCH_SHARE))),
        "learning_rate_multiplier": multiplier.default if multiplier is not None else 1.0,
        "seed": 0,
        "train_on": "assistant",
        **({"beta": beta.default} if method is Method.DPO and beta is not None else {}),
    }


def _in_range(base: Base, facts: ModelFacts | None, name: str, value: Any) -> None:
    limits = None if facts is None else facts.hyperparameters.get(name)
    if limits is None:
        return
    low = -math.inf if limits.min is None else limits.min
    high = math.inf if limits.max is None else limits.max
    if not low <= value <= high:
        shown = f"from {low:g} to {high:g}" if high < math.inf else f"of {low:g} or more"
        raise CapabilityError(f"{name} = {value:g} is not taken for {base.id}: it takes {shown}")
