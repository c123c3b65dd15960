"""What a run of the stand-in consists of: steps, which cost nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ftkit.backend import Base, ModelRecord, Quantity, Resolved
from ftkit.data.tokens import Counts
from ftkit.errors import CapabilityError
from ftkit.hyperparameters import Hyperparameters, Method

METHODS = (Method.LORA, Method.FULL)
DEFAULTS = {
    "epochs": 1.0,
    "batch_size": 8,
    "learning_rate": 5e-4,
    "max_length": 4096,
    "seed": 0,
    "train_on": "assistant",
}
HONOURED = frozenset((*DEFAULTS, "max_steps"))


@dataclass(frozen=True, slots=True)
class RunsPricing:
    """Pricing of the stand-in. `steps` is the length of every run, where the settings say so."""

    steps: int | None = None

    def resolve(
        self, base: Base, method: Method, hyperparameters: Hyperparameters, counts: Counts
    ) -> Resolved:
        """Decide every open setting; raises CapabilityError naming a method or field that cannot be honoured."""
        if method not in METHODS:
            raise CapabilityError(f"fake-runs has no method {method}; it has {', '.join(METHODS)}")
        given = hyperparameters.given()
        for name in given:
            if name not in HONOURED:
                raise CapabilityError(
                    f"fake-runs cannot honour {name}; it takes {', '.join(sorted(HONOURED))}"
                )
        settings = Hyperparameters(**{**DEFAULTS, **given})
        if settings.max_length is not None and counts.longest > settings.max_length:
            raise CapabilityError(
                f"the longest row has {counts.longest} tokens, more than max_length {settings.max_length}"
            )
        return Resolved(base, method, settings, self.steps or _steps(settings, counts), counts)

    def bill(self, resolved: Resolved) -> Sequence[Quantity]:
        """The steps, which nobody sends a bill for."""
        return [Quantity("training", Decimal(resolved.steps), "step", "step", paid=False)]

    def call_rates(self, record: ModelRecord) -> None:
        """Nobody sends a bill for an answer."""


def _steps(settings: Hyperparameters, counts: Counts) -> int:
    assert settings.epochs is not None and settings.batch_size is not None
    steps = max(1, math.ceil(len(counts.lengths) * settings.epochs / settings.batch_size))
    return steps if settings.max_steps is None else min(steps, settings.max_steps)
