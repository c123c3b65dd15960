"""What a month has cost, call by call, and how good the quotes were."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from ftkit.cost import Calibration, calibrations
from ftkit.ledger import Expense, Ledger
from ftkit.spending.budget import amount


@dataclass(frozen=True, slots=True)
class Spent:
    """The paid calls of one calendar month (UTC) that this ledger knows, in USD.

    `usd` is what they have cost, or hold back; calls whose price is not known are in `unpriced`, not in `usd`. `budget` is
    `monthly_budget_usd`.
    """

    month: str
    expenses: tuple[Expense, ...]
    budget: Decimal | None
    calibration: tuple[Calibration, ...]

    @property
    def usd(self) -> Decimal:
        """All that counts against the budget."""
        return sum((one.usd for one in self.expenses if one.usd is not None), Decimal(0))

    @property
    def unpriced(self) -> int:
        """Calls whose price nobody knows."""
        return sum(one.usd is None for one in self.expenses)

    @property
    def left(self) -> Decimal | None:
        """What the budget still allows; None without one."""
        return None if self.budget is None else max(Decimal(0), self.budget - self.usd)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; money is text."""
        return {
            "schema_version": 1,
            "month": self.month,
            "usd": str(self.usd),
            "unpriced": self.unpriced,
            "monthly_budget_usd": _text(self.budget),
            "left_usd": _text(self.left),
            "expenses": [
                {
                    "key": one.key,
                    "verb": str(one.verb),
                    "instance": one.instance,
                    "subject": one.subject,
                    "at": one.at,
                    "quoted_usd": _text(one.quoted),
                    "billed_usd": _text(one.billed),
                    "usd": _text(one.usd),
                    "reserved": one.reserved,
                }
                for one in self.expenses
            ],
            "calibration": [
                {
                    "instance": one.instance,
                    "jobs": one.jobs,
                    "ratio": f"{one.ratio:.4f}",
                    "low": f"{one.low:.4f}",
                    "high": f"{one.high:.4f}",
                }
                for one in self.calibration
            ],
        }

    def __str__(self) -> str:
        lines = [_line(one) for one in self.expenses] or [f"nothing was paid for in {self.month}"]
        unknown = f", and {self.unpriced} calls of unknown price" if self.unpriced else ""
        total = f"in all {amount(self.usd)} USD in {self.month}{unknown}" if self.expenses else ""
        if self.budget is not None:
            total += f"{'; ' if total else ''}{amount(self.left or Decimal(0))} left of monthly_budget_usd={self.budget}"
        return "\n".join([*lines, *([total] if total else []), *map(str, self.calibration)])


def spent(ledger: Ledger, moment: datetime, budget: Decimal | None) -> Spent:
    """The month of `moment`. Asks nobody; a ledger that is not there is not made."""
    there = ledger.path.exists()
    return Spent(
        f"{moment:%Y-%m}",
        tuple(ledger.expenses(moment)) if there else (),
        budget,
        calibrations(ledger.jobs()) if there else (),
    )


def _line(one: Expense) -> str:
    if one.usd is None:
        cost = "price unknown"
    elif one.reserved:
        cost = f"{amount(one.usd)} USD held back, nothing is sent yet"
    elif one.billed is None:
        cost = (
            f"{amount(one.usd)} USD at most" if one.verb != "deploy" else f"{amount(one.usd)} USD"
        )
    else:
        cost = f"{amount(one.billed)} USD"
        if one.quoted is not None and one.verb != "deploy":
            cost += f" ({amount(one.quoted)} quoted)"
    return f"{one.at[:16]}  {one.verb:<6}  {one.key:<20}  {one.instance:<14}  {cost}"


def _text(usd: Decimal | None) -> str | None:
    return None if usd is None else f"{usd.normalize():f}"
