"""What a batch can cost at most, and what its answers have cost: at the provider's rates for batches.

The most is the tokens that are read, counted, and as many written as the calls allow. It is known before anything is sent,
or it is not known, and then a budget refuses the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ftkit.backend import Backend, Batching, BatchPricing, Call, ModelRecord, Usage
from ftkit.errors import BudgetError, NotInstalled
from ftkit.spending import CallPrices, Limit, affordable
from ftkit.spending.budget import amount


class BatchPrices:
    """The rates of one model's answers in a batch, USD per million tokens; None where not known."""

    def __init__(self, backend: Backend, record: ModelRecord) -> None:
        self._prices: CallPrices | None = None
        if isinstance(backend.pricing, BatchPricing):
            self._prices = CallPrices(backend.catalogue, backend.pricing.batch_rates(record))

    @property
    def known(self) -> bool:
        """True where both rates are."""
        return self._prices is not None and self._prices.known

    def cost(self, usage: Usage) -> Decimal | None:
        """USD of so many tokens."""
        return None if self._prices is None else self._prices.cost(usage)


def most_it_costs(
    batching: Batching,
    prices: BatchPrices,
    record: ModelRecord,
    calls: Sequence[Call],
    *,
    limit: Limit | None,
    allow_unpriced: bool,
) -> Decimal | None:
    """The most USD that the batch can cost, None where that is not known; BudgetError where it may not be spent.

    Sends nothing.
    """
    what = f"a batch of {len(calls):,} answers of {record.id}"
    if not prices.known:
        affordable(what, None, limit=None, allow_unpriced=allow_unpriced)
        return None
    most: Decimal | None = Decimal(0)
    for row, call in enumerate(calls, start=1):
        try:
            usage = batching.longest(record, call)
        except NotInstalled:  # what counts tokens is not here
            if limit is not None and not allow_unpriced:
                raise
            return None
        cost = None if usage is None else prices.cost(usage)
        if cost is None or most is None:
            if limit is not None and not allow_unpriced:
                raise BudgetError(
                    f"nobody can tell before it is answered what {what} costs at most (row {row}): set max_tokens, and "
                    f"leave out tools, images, a schema and options in extra whose tokens cannot be counted; or pass "
                    f"allow_unpriced=True to pay whatever it is. Nothing was sent"
                )
            return None
        most += cost
    if most is not None and limit is not None and most > limit.usd:
        raise BudgetError(
            f"{what} could cost {amount(most)} USD if every answer were as long as max_tokens allows, more than "
            f"{limit}; lower max_tokens, ask less, or allow more. Nothing was sent"
        )
    return most
