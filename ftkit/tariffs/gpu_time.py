"""Jobs of our own trainer on a rented card: seconds by a model of how fast it is, on the cheapest card that has the memory.

Arithmetic of a token: 2 operations a parameter forward and 2 for the gradients that pass through; training all weights takes 2
more, and so does the reference of preference pairs (Kaplan and others, 2020, section 2.1). Memory: weights in 16 bits, of full training gradients and Adam's two moments
in 32 bits besides; activations by layers kept for a micro-batch. What share of the card's peak the trainer reaches is the
one thing that is not known before a run, so it makes the width of the quote.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ftkit.backend import Base, CallRates, ModelRecord, Quantity, Resolved
from ftkit.catalogue import Catalogue, Gpu, ModelFacts, Runtime
from ftkit.data.tokens import Counts
from ftkit.errors import CapabilityError, NotFound
from ftkit.hyperparameters import Hyperparameters, Method
from ftkit.tariffs.settings import resolved_settings

_GIB = 2**30
_OPERATIONS = {Method.LORA: 4, Method.QLORA: 4, Method.FULL: 6, Method.DPO: 6}
_BYTES = {Method.LORA: 2.2, Method.QLORA: 0.7, Method.FULL: 18.0, Method.DPO: 2.2}  # a parameter
_SPARE_GIB = 4.0  # activations of a micro-batch, and what the card keeps for itself
_HOUR = 3600


class GpuTariff:
    """The Pricing of a provider that charges the time of a card."""

    def __init__(self, name: str, catalogue: Catalogue) -> None:
        self._name, self._catalogue = name, catalogue

    def base(self, native: str) -> Base:
        """A model of the catalogue; raises NotFound with the nearest."""
        facts = self._catalogue.model(native)
        if facts is None:
            raise NotFound(
                f"the catalogue of {self._name} has no {native!r}{self._catalogue.suggestion(native)}"
            )
        name = next(row for row, one in self._catalogue.models.items() if one is facts)
        return Base(name, name, self._name, facts.max_length)

    def resolve(
        self, base: Base, method: Method, hyperparameters: Hyperparameters, counts: Counts
    ) -> Resolved:
        """Every setting, and the card; raises CapabilityError for what the model does not take or no card holds."""
        facts = self._facts(base.id)
        ranges = {**self._catalogue.hyperparameters, **facts.hyperparameters}
        settings = resolved_settings(self._name, base.id, facts, method, hyperparameters, ranges)
        return Resolved(base, method, settings, 0, counts, tier=self.card(facts, method)[0])

    def bill(self, resolved: Resolved) -> Sequence[Quantity]:
        """Hours of the card, and of what is charged beside it."""
        facts, runtime = self._facts(resolved.base.id), self._runtime
        name, gpu = self.card(facts, resolved.method)
        counts = resolved.counts
        most = Decimal(counts.tokens) * Decimal(str(resolved.hyperparameters.epochs or 1))
        expected = most * Decimal(str(round(counts.expected_share, 6)))
        hours = [
            _hours(facts, gpu, runtime, resolved.method, tokens, share)
            for tokens, share in (
                (most, runtime.worst_share),
                (expected, runtime.share),
                (expected, runtime.best_share),
            )
        ]
        why = (
            f"the trainer may reach from {runtime.worst_share:.0%} to {runtime.best_share:.0%} of the {name}'s peak, "
            f"{runtime.share:.0%} is expected"
        )
        parts = [(f"{name}", 1.0, gpu.rate)]
        if runtime.cores_rate:
            parts.append(("processor cores", runtime.cores, runtime.cores_rate))
        if runtime.memory_rate:
            parts.append(("GiB of memory", runtime.memory_gib, runtime.memory_rate))
        lines = []
        for label, number, rate in parts:
            high, middle, low = (Decimal(str(number)) * one for one in hours)
            unit = self._catalogue.rates[rate].unit
            lines.append(Quantity(label, high, unit, rate, expected=middle, low=low, why=why))
        return lines

    def call_rates(self, record: ModelRecord) -> CallRates | None:
        """No bill by the token: a deployment is charged by the hour."""
        return None

    def card(self, facts: ModelFacts, method: Method) -> tuple[str, Gpu]:
        """The cheapest card that holds the run; raises CapabilityError where none does."""
        needed = (facts.parameters or 0) * _BYTES[method] / _GIB + _SPARE_GIB
        for name, gpu in self._catalogue.gpus.items():
            if gpu.memory_gib >= needed and facts.parameters:
                return name, gpu
        largest = max(self._catalogue.gpus.items(), key=lambda one: one[1].memory_gib)
        raise CapabilityError(
            f"{self._name}: {method} needs about {needed:.0f} GiB, and its largest card, {largest[0]}, has "
            f"{largest[1].memory_gib:.0f}; take a smaller model, or lora or qlora"
        )

    @property
    def _runtime(self) -> Runtime:
        assert self._catalogue.runtime is not None, "a catalogue with cards says how fast they are"
        return self._catalogue.runtime

    def _facts(self, name: str) -> ModelFacts:
        facts = self._catalogue.model(name)
        if facts is None:
            raise NotFound(f"the catalogue of {self._name} has no {name!r}")
        return facts


def _hours(
    facts: ModelFacts, gpu: Gpu, runtime: Runtime, method: Method, tokens: Decimal, share: float
) -> Decimal:
    parameters = facts.active_parameters or facts.parameters or 0
    operations = float(tokens) * _OPERATIONS[method] * parameters
    weights_gib = (facts.parameters or 0) * 2 / _GIB
    seconds = (
        runtime.start_s
        + weights_gib / runtime.load_gib_s
        + operations / (gpu.tflops * 1e12 * share)
    )
    return Decimal(str(round(seconds / _HOUR, 6)))
