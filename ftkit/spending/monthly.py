"""The budget of a calendar month, over everything that this ledger has paid for.

Looked at before the first request, and once more in the transaction that writes the intent: of two processes that would
share the last dollars, one is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from ftkit import clock
from ftkit.errors import BudgetError
from ftkit.ledger import Expense, Ledger
from ftkit.spending.budget import Limit, amount


class MonthlyBudget:
    """`monthly_budget_usd` of a configuration, in USD; None sets no limit."""

    def __init__(self, ledger: Ledger, limit: Decimal | None) -> None:
        self._ledger = ledger
        self._limit = limit

    def before(self, what: str, usd: Decimal | None) -> None:
        """Raise BudgetError where `what` does not fit beside what was spent; writes nothing, makes no ledger."""
        if self._limit is None or not usd:
            return
        found = self._ledger.expenses(clock.now()) if self._ledger.path.exists() else []
        # what is prepared may be this very call, which goes on
        self._fits(what, usd, _sum([one for one in found if not one.reserved]))

    def reserving(
        self, what: str, usd: Decimal | None
    ) -> Callable[[Sequence[Expense]], None] | None:
        """The same for the transaction that writes the intent, with what others hold back; None where nothing is limited."""
        if self._limit is None or not usd:
            return None
        return lambda expenses: self._fits(what, usd, _sum(expenses))

    def left(self, own: Decimal) -> Limit | None:
        """What a call may cost whose intent is written: `own` that counts for it already, and what is left beside it."""
        if self._limit is None:
            return None
        spent = _sum(self._ledger.expenses(clock.now()))
        left = max(Decimal(0), self._limit - spent)
        return Limit(own + left, f"what is left of monthly_budget_usd={self._limit}")

    def _fits(self, what: str, usd: Decimal, spent: Decimal) -> None:
        if self._limit is None or spent + usd <= self._limit:
            return
        raise BudgetError(
            f"{what} would cost {amount(usd)} USD, and {amount(spent)} of monthly_budget_usd={self._limit} are spent or "
            f"held back in {clock.now():%Y-%m}; `ftkit spent` lists them"
        )


def _sum(expenses: Sequence[Expense]) -> Decimal:
    return sum((one.usd for one in expenses if one.usd is not None), Decimal(0))
