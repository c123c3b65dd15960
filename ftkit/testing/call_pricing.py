"""Pricing of a stand-in that only answers: the rates of a call, and no training to price."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ftkit.backend import Base, CallRates, ModelRecord, Quantity, Resolved
from ftkit.data.tokens import Counts
from ftkit.errors import CapabilityError
from ftkit.hyperparameters import Hyperparameters, Method


@dataclass(frozen=True, slots=True)
class CallPricing:
    """Fulfils `ftkit.backend.Pricing`. `rates_of` gives the rates of a model's answers, None where they are free."""

    rates_of: Callable[[ModelRecord], CallRates | None]

    def resolve(
        self, base: Base, method: Method, hyperparameters: Hyperparameters, counts: Counts
    ) -> Resolved:
        """Refused: there is no run."""
        raise CapabilityError(f"{base.id} cannot be trained here, only asked")

    def bill(self, resolved: Resolved) -> Sequence[Quantity]:
        """Refused: there is no run."""
        raise CapabilityError(f"{resolved.base.id} cannot be trained here, only asked")

    def call_rates(self, record: ModelRecord) -> CallRates | None:
        """What `rates_of` says."""
        return self.rates_of(record)
