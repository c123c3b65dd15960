"""May it be spent at all: the price against the limit, before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ftkit.errors import BudgetError


@dataclass(frozen=True, slots=True)
class Limit:
    """An amount in USD that may not be passed, and what set it."""

    usd: Decimal
    text: str

    def __str__(self) -> str:
        return self.text


def tightest(max_cost_usd: Decimal | None, other: Limit | None) -> Limit | None:
    """The lower of two limits."""
    own = None if max_cost_usd is None else Limit(max_cost_usd, f"max_cost_usd={max_cost_usd}")
    return min((one for one in (own, other) if one is not None), key=_usd, default=None)


def affordable(
    what: str, usd: Decimal | None, *, limit: Decimal | None, allow_unpriced: bool
) -> None:
    """Raise BudgetError where `what` costs more than `limit`, or where its price is not known and that is not allowed."""
    if usd is None:
        if not allow_unpriced:
            raise BudgetError(
                f"the price of {what} is not known; pass allow_unpriced=True to pay whatever it is"
            )
    elif limit is not None and usd > limit:
        raise BudgetError(f"{what} would cost {amount(usd)} USD, more than max_cost_usd={limit}")


def _usd(limit: Limit) -> Decimal:
    return limit.usd


def amount(usd: Decimal) -> str:
    """Cents, and small sums with two digits that say something."""
    return f"{usd:.2f}" if usd >= Decimal("0.01") else f"{float(usd):.2g}"
