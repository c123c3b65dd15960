"""Not tuning: a base as it is, behind a prompt with examples from the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ftkit import clock
from ftkit.config import Settings
from ftkit.cost.break_even import Course
from ftkit.cost.candidates import Candidate, PassedOver
from ftkit.cost.monthly import of_base
from ftkit.cost.quote import QuoteLine
from ftkit.errors import FtkitError
from ftkit.registry import open_backend


@dataclass(frozen=True, slots=True)
class Prompted:
    """A base behind a prompt with so many examples; `monthly` are the lines of a month."""

    model: str
    examples: int
    monthly: tuple[QuoteLine, ...]
    course: Course


def prompted(
    found: Sequence[Candidate | PassedOver], settings: Settings, examples: int
) -> tuple[Prompted, ...]:
    """Every priced base of the providers that were looked at, the cheapest first; none where nothing could be counted."""
    calls_of = {one.quote.instance: one.calls for one in found if isinstance(one, Candidate)}
    if not calls_of:
        return ()
    elsewhere = next(iter(calls_of.values()))
    today = clock.now().date()
    prompts = []
    for instance in dict.fromkeys(one.model.partition("/")[0] for one in found):
        try:
            catalogue = open_backend(instance, settings).catalogue
        except FtkitError:
            continue  # passed over, with the reason
        for name, facts in catalogue.models.items():
            gone = facts.shutdown is not None and today >= facts.shutdown
            if gone or not {"base_input", "base_output"} <= facts.rates.keys():
                continue
            calls = calls_of.get(instance, elsewhere)
            lines = of_base(catalogue, facts, calls, examples)
            known = [line.usd for line in lines if line.usd is not None]
            if len(known) == len(lines) and calls.per_month:
                course = Course(Decimal(0), Decimal(0), sum(known, Decimal(0)) / calls.per_month)
                prompts.append(Prompted(f"{instance}/{name}", examples, lines, course))
    return tuple(sorted(prompts, key=lambda one: (one.course.per_call, one.model)))
