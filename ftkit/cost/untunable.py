"""A base that nobody can tune, refused in full: since when and by whom it is so, and what works instead, priced on these rows.

All of it is data of the catalogue; a row that becomes tunable is not seen here any more.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from decimal import Decimal

from ftkit import clock
from ftkit.backend import Backend
from ftkit.catalogue import ModelFacts, Route
from ftkit.cost.monthly import Calls, of_base
from ftkit.data import Dataset
from ftkit.data.token_estimate import estimated_counts
from ftkit.errors import CapabilityError

_WIDTH = 78
_PREFIX = len("ftkit: ")  # what the command puts in front of an error
_EXAMPLES, _MOST_EXAMPLES = 8, 50
_CALLS = 1_000
_MILLION = 1_000_000


def refuse_untunable(data: Dataset, instance: str, native: str, backend: Backend) -> None:
    """Raise CapabilityError for a model whose row says that it cannot be tuned."""
    facts = backend.catalogue.model(native)
    if facts is None or not facts.untunable:
        return
    catalogue = backend.catalogue
    name = next(row for row, one in catalogue.models.items() if one is facts)
    model = f"{instance}/{name}"
    bases = [one for one in facts.replacements if "/" in one]
    words = {"model": model, "replacements": " or ".join(bases) or "those of other providers"}
    told = [
        (route.name, _closed(route), _said(route.source, route.as_of)) for route in catalogue.routes
    ]
    work = [
        *_examples(data, instance, name, backend),
        *(
            (one.what, one.how.format(**words), _said(one.source, one.as_of))
            for one in catalogue.instead
        ),
    ]
    if not work:
        return  # the backend's pricing refuses it in a sentence
    head = f"{model} cannot be fine-tuned: {facts.untunable}, as of {facts.as_of}"
    first = " " * _PREFIX
    lines = _filled(head, first, "").removeprefix(first)
    parts = [lines, *map(_block, told), "What does work:", *map(_block, work)]
    raise CapabilityError("\n".join(parts))


def _closed(route: Route) -> str:
    words = []
    if route.closed is not None:
        words.append(f"no new jobs since {route.closed}")
    if route.ended is not None:
        words.append(f"switched off on {route.ended}")
    return "; ".join(part for part in (", ".join(words), route.said) if part)


def _examples(
    data: Dataset, instance: str, name: str, backend: Backend
) -> Iterator[tuple[str, str, str]]:
    """What some of these rows cost in front of each question, with a cache and without one."""
    chosen = _alive(name, backend)
    if chosen is None:
        return
    name, facts = chosen
    catalogue = backend.catalogue
    calls = Calls.measured(_CALLS, estimated_counts(data))
    row = calls.input_tokens + calls.output_tokens
    many = min(max(_EXAMPLES, math.ceil(facts.cached_from / max(row, Decimal(1)))), len(data))
    if many > _MOST_EXAMPLES:
        many = min(_EXAMPLES, len(data))
    prefix = many * row
    uncached = facts.model_copy(update={"cached_from": 10**12})
    lines = of_base(catalogue, facts, calls, many)
    costs = [
        sum((line.usd for line in found if line.usd is not None), Decimal(0))
        for found in (
            lines,
            of_base(catalogue, uncached, calls, many),
            of_base(catalogue, facts, calls, 0),
        )
    ]
    said = (
        f"{many} of your rows as examples: about {prefix:,.0f} tokens in front of each question. "
        f"{_CALLS:,} calls of {instance}/{name} cost "
    )
    cached = prefix >= facts.cached_from and "base_cached" in facts.rates
    if cached:
        said += f"{_usd(costs[0])} with the examples in its cache, {_usd(costs[1])} uncached"
    else:
        said += f"{_usd(costs[1])} with them"
    said += f", and {_usd(costs[2])} without examples"
    write = catalogue.rates.get(facts.rates.get("base_cache_write", ""))
    if cached and write is not None and write.usd is not None:
        said += f"; filling the cache costs {_usd(prefix * write.usd / _MILLION)} each time"
    if not cached:
        said += f" (too short for its cache, which begins at {facts.cached_from:,} tokens)"
    basis = max(line.as_of for line in lines)
    yield "examples in the prompt", said, _said(lines[-1].source, basis)


def _alive(name: str, backend: Backend) -> tuple[str, ModelFacts] | None:
    """The model itself where it answers and has prices, else the one of its provider with the cheapest input."""
    today, rates = clock.now().date(), backend.catalogue.rates
    priced = {
        row: facts
        for row, facts in backend.catalogue.models.items()
        if {"base_input", "base_output"} <= facts.rates.keys()
        and rates[facts.rates["base_input"]].usd is not None
        and not (facts.shutdown is not None and today >= facts.shutdown)
    }
    if name in priced:
        return name, priced[name]
    return min(
        priced.items(), key=lambda one: rates[one[1].rates["base_input"]].usd or 0, default=None
    )


def _usd(amount: Decimal) -> str:
    return f"{amount:.2f} USD" if amount >= Decimal("0.1") else f"{amount:.4f} USD"


def _said(source: str, as_of: object) -> str:
    return f"{as_of}: {source}" if source else ""


def _block(entry: tuple[str, str, str]) -> str:
    what, how, source = entry
    told = [f"  {what}", _filled(how, "      ", "      ")]
    if source:
        told.append(_filled(f"[{source}]", "      ", "       "))
    return "\n".join(told)


def _filled(text: str, first: str, others: str) -> str:
    return textwrap.fill(
        text, _WIDTH, initial_indent=first, subsequent_indent=others, break_on_hyphens=False
    )
