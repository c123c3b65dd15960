"""The rates of an answer as a catalogue has them: of a tuned model, or of a base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ftkit.backend import CallRates
from ftkit.catalogue import ModelFacts, RateUse

UNKNOWN = "unknown"  # a rate that every catalogue has for what it knows no price of
_TUNED: Mapping[str, RateUse] = {
    "input": "input",
    "output": "output",
    "cached": "cached",
    "cache_write": "cache_write",
    "long_cache_write": "long_cache_write",
}
_BASE: Mapping[str, RateUse] = {
    "input": "base_input",
    "output": "base_output",
    "cached": "base_cached",
    "cache_write": "base_cache_write",
    "long_cache_write": "base_long_cache_write",
}


def rates_of_answers(facts: ModelFacts | None, *, tuned: bool) -> CallRates:
    """The rates of one call."""
    if facts is None:
        return CallRates(UNKNOWN, UNKNOWN)
    uses = _TUNED if tuned else _BASE
    rates = _rates(facts.rates, uses)
    if facts.long_prompts is None:
        return rates
    return replace(rates, longer=(facts.long_prompts.above, _rates(facts.long_prompts.rates, uses)))


def _rates(rates: Mapping[RateUse, str], uses: Mapping[str, RateUse]) -> CallRates:
    return CallRates(
        rates.get(uses["input"], UNKNOWN),
        rates.get(uses["output"], UNKNOWN),
        cached=rates.get(uses["cached"]),
        cache_write=rates.get(uses["cache_write"]),
        long_cache_write=rates.get(uses["long_cache_write"]),
    )
