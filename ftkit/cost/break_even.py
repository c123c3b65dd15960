"""From when on one way is cheaper than another: what is paid once against what is paid each month and for each call."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal


@dataclass(frozen=True, slots=True)
class Course:
    """What a way costs in USD: once, in each month whether it is asked or not, and for each call."""

    once: Decimal
    monthly: Decimal
    per_call: Decimal

    def after(self, months: Decimal | int, calls_per_month: Decimal | int) -> Decimal:
        """All of it by the end of so many months."""
        return self.once + months * (self.monthly + calls_per_month * self.per_call)


@dataclass(frozen=True, slots=True)
class BreakEven:
    """When the first way has cost no more than the other: after `months`, which are `calls`; None is never.

    `calls_per_month` is from how many calls a month on it has cost no more by the end of the horizon; None where no number
    of calls is enough, 0 where it needs none.
    """

    months: Decimal | None
    calls: int | None
    calls_per_month: int | None


def break_even(one: Course, other: Course, calls_per_month: int, horizon_months: int) -> BreakEven:
    """The break-even of `one` against `other`."""
    saved = (other.monthly - one.monthly) + calls_per_month * (other.per_call - one.per_call)
    ahead = other.once - one.once  # what it has saved before the first month
    months: Decimal | None
    if ahead >= 0:
        months = Decimal(0)
    else:
        months = -ahead / saved if saved > 0 else None
    calls = None if months is None else _whole(months * calls_per_month)
    return BreakEven(months, calls, _needed(one, other, horizon_months))


def _needed(one: Course, other: Course, horizon_months: int) -> int | None:
    dearer = (one.once - other.once) + horizon_months * (one.monthly - other.monthly)
    if dearer <= 0:
        return 0
    saved = horizon_months * (other.per_call - one.per_call)
    return _whole(dearer / saved) if saved > 0 else None


def _whole(number: Decimal) -> int:
    return int(number.to_integral_value(rounding=ROUND_CEILING))
