"""What a model costs in use in a month: hosting, storage and the tokens of the calls."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ftkit.catalogue import Catalogue, ModelFacts, RateUse
from ftkit.cost.quote import QuoteLine
from ftkit.data.tokens import Counts

HOURS = Decimal(730)  # a twelfth of a year
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Calls:
    """How a model will be used: calls a month, and the tokens of one call, as the rows of the data have them."""

    per_month: int
    input_tokens: Decimal
    output_tokens: Decimal

    @classmethod
    def measured(cls, per_month: int, counts: Counts, answers: int = 1) -> Calls:
        """The expected mean of the rows: what is learned is the answer, `answers` of them in a row, all else is read."""
        share = Decimal(str(round(counts.expected_share, 6))) / max(1, counts.rows)
        learned = counts.trained_tokens * share
        read = counts.tokens * share - learned
        return cls(per_month, read, learned / answers)

    def with_examples(self, examples: int) -> Calls:
        """The same calls behind a prompt with so many rows of the data as examples."""
        more = examples * (self.input_tokens + self.output_tokens)
        return Calls(self.per_month, self.input_tokens + more, self.output_tokens)


def in_use(
    catalogue: Catalogue, facts: ModelFacts, calls: Calls, hosting_hours: Decimal = HOURS
) -> tuple[QuoteLine, ...]:
    """The tuned model's lines of one month. A deployment is one machine, there for so many hours."""
    lines = []
    if facts.serving == "dedicated" or "hosting" in facts.rates:
        lines.append(_line(catalogue, facts, "hosting", "hosting", hosting_hours))
    if "storage" in facts.rates:
        lines.append(_line(catalogue, facts, "storage", "storage", Decimal(1)))
    # where nothing is known of how it answers, that is not nothing
    if facts.serving == "serverless" or "input" in facts.rates or not lines:
        lines += _tokens(catalogue, facts, calls, "input", "output", cached=None)
    return tuple(lines)


def of_base(
    catalogue: Catalogue, facts: ModelFacts, calls: Calls, examples: int
) -> tuple[QuoteLine, ...]:
    """The base's lines of one month behind a prompt with examples.

    Examples that are long enough together are read from the cache, where that has a price.
    """
    prompted = calls.with_examples(examples)
    if facts.long_prompts is not None and prompted.input_tokens > facts.long_prompts.above:
        facts = facts.model_copy(update={"rates": {**facts.rates, **facts.long_prompts.rates}})
    prefix = prompted.input_tokens - calls.input_tokens
    cached = prefix if prefix >= facts.cached_from else Decimal(0)
    return tuple(
        _tokens(
            catalogue,
            facts,
            prompted,
            "base_input",
            "base_output",
            cached=("base_cached", cached),
        )
    )


def _tokens(
    catalogue: Catalogue,
    facts: ModelFacts,
    calls: Calls,
    read: RateUse,
    written: RateUse,
    cached: tuple[RateUse, Decimal] | None,
) -> list[QuoteLine]:
    lines = []
    fresh = calls.input_tokens
    if cached is not None and cached[0] in facts.rates and cached[1] > 0:
        fresh -= cached[1]
        lines.append(
            _line(catalogue, facts, "examples, cached", cached[0], _millions(calls, cached[1]))
        )
    return [
        *lines,
        _line(catalogue, facts, "input", read, _millions(calls, fresh)),
        _line(catalogue, facts, "output", written, _millions(calls, calls.output_tokens)),
    ]


def _millions(calls: Calls, tokens: Decimal) -> Decimal:
    return calls.per_month * tokens / _MILLION


def _line(
    catalogue: Catalogue, facts: ModelFacts, label: str, use: RateUse, amount: Decimal
) -> QuoteLine:
    name = facts.rates.get(use)
    if name is None:
        return QuoteLine(label, amount, "?", None, None, facts.source, facts.as_of)
    rate = catalogue.rates[name]
    usd = None if rate.usd is None else amount * rate.usd
    return QuoteLine(label, amount, rate.unit, rate.usd, usd, rate.source, rate.as_of, rate.note)
