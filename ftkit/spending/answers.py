"""Answers that cost money: what they will cost at least, what they have cost, and the end of the budget."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal

from ftkit.backend import Backend, Call, ModelRecord, Usage
from ftkit.catalogue import ModelFacts
from ftkit.config import Settings
from ftkit.errors import BudgetError
from ftkit.ledger import Ledger, State, Verb, new_intent
from ftkit.spending.accounts import scope_of
from ftkit.spending.budget import Limit, affordable, tightest
from ftkit.spending.call_prices import CallPrices
from ftkit.spending.monthly import MonthlyBudget

log = logging.getLogger("ftkit")

_BYTES_PER_TOKEN = (
    8  # few languages and tokenizers put more into one token: a lower bound of the cost
)


class Meter:
    """What the answers of one model cost, in USD, while they come."""

    def __init__(self, backend: Backend, record: ModelRecord) -> None:
        self.spent: Decimal | None = Decimal(0)
        self.limit: Limit | None = None
        self._prices: CallPrices | None = None
        if backend.pricing is not None:
            rates = backend.pricing.call_rates(record)
            self._prices = CallPrices(backend.catalogue, rates)
        facts = backend.catalogue.model(record.base)
        self._cached_from = ModelFacts.model_fields["cached_from"].default
        if facts is not None:
            self._cached_from = facts.cached_from
        self.free = self._prices is not None and self._prices.free
        self.what = f"answers of {record.id}"

    def cost(self, usage: Usage) -> Decimal | None:
        """USD of one answer; None where the price is not known."""
        return None if self._prices is None else self._prices.cost(usage)

    def at_least(self, calls: Sequence[Call]) -> Decimal | None:
        """USD that the questions alone cost, whatever is answered, and though all of a long one comes out of a cache."""
        least: Decimal | None = Decimal(0)
        for call in calls:
            read = sum(len(m.content.encode()) for m in call.messages) // _BYTES_PER_TOKEN
            cached = read if read >= self._cached_from else 0
            cost = self.cost(Usage(read, 0, cached_input_tokens=cached))
            least = None if cost is None or least is None else least + cost
        return least

    def add(self, usage: Usage) -> None:
        """Count one answer."""
        cost = self.cost(usage)
        self.spent = None if cost is None or self.spent is None else self.spent + cost

    @property
    def over(self) -> bool:
        """True once the answers have cost more than they may."""
        return self.limit is not None and self.spent is not None and self.spent > self.limit.usd

    def stopped(self, left: int) -> None:
        """Raise BudgetError where the limit left questions unanswered, warn where the last answers passed it."""
        if not self.over:
            return
        said = f"{self.what} have cost {self.spent:.4f} USD, more than {self.limit}"
        if left:
            raise BudgetError(
                f"{said}; stopped, {left} are not asked. Answers so far are kept where out= was given"
            )
        log.warning("%s", said)


@contextmanager
def metered(
    backend: Backend,
    record: ModelRecord,
    calls: Sequence[Call],
    settings: Settings,
    *,
    limit: Decimal | None,
    allow_unpriced: bool,
) -> Iterator[Meter]:
    """The gate of many paid answers: checked before the first, counted at each, written down at the end."""
    meter = Meter(backend, record)
    if meter.free or not calls:
        yield meter
        return
    least = meter.at_least(calls)
    what = f"{len(calls)} {meter.what}"
    affordable(what, least, limit=limit, allow_unpriced=allow_unpriced)
    ledger = Ledger(settings.home)
    month = MonthlyBudget(ledger, settings.monthly_budget_usd)
    key = f"map-{uuid.uuid4().hex[:12]}"
    ledger.prepare(
        new_intent(
            key,
            Verb.MAP,
            instance=record.instance,
            scope=scope_of(record.instance, backend),
            subject=record.id,
            usd=least,
            state=State.MADE,
        ),
        may=month.reserving(what, least),
    )
    meter.limit = tightest(limit, month.left(least or Decimal(0)))
    try:
        yield meter
    finally:
        ledger.tell(record.id, "answered", key, meter.spent)
