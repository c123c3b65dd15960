"""The settings of a run as a catalogue knows them: which a model takes, within which limits, and what holds otherwise."""

from __future__ import annotations

import math
from typing import Any

from ftkit.catalogue import ModelFacts, Range
from ftkit.errors import CapabilityError
from ftkit.hyperparameters import Hyperparameters, Method


def resolved_settings(
    who: str,
    model: str,
    facts: ModelFacts,
    method: Method,
    given: Hyperparameters,
    ranges: dict[str, Range],
) -> Hyperparameters:
    """The given settings over the defaults of `ranges`; raises CapabilityError naming one that cannot be honoured."""
    if facts.untunable:  # a configuration unsets it with ""
        raise CapabilityError(f"{who} cannot tune {model}: {facts.untunable}{facts.instead}")
    if facts.methods is not None and method not in facts.methods:
        taken = ", ".join(facts.methods) or "nothing"
        raise CapabilityError(f"{who} cannot train {model} with {method}; it takes {taken}")
    if method is not Method.DPO:
        ranges = {name: limits for name, limits in ranges.items() if name != "beta"}
    values = given.given()
    for name, value in values.items():
        if name not in ranges:
            raise CapabilityError(
                f"{who} cannot honour {name} with {model}; it takes {', '.join(ranges)}"
            )
        _within(model, name, value, ranges[name])
    defaults = {
        name: limits.default for name, limits in ranges.items() if isinstance(limits.default, float)
    }
    return Hyperparameters(**{**defaults, **values})


def _within(model: str, name: str, value: Any, limits: Range) -> None:
    low = -math.inf if limits.min is None else limits.min
    high = math.inf if limits.max is None else limits.max
    if isinstance(value, int | float) and not low <= value <= high:
        shown = f"from {low:g} to {high:g}" if high < math.inf else f"of {low:g} or more"
        raise CapabilityError(f"{name} = {value:g} is not taken for {model}: it takes {shown}")
