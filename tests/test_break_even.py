"""Break-even against a simulation that counts the money month by month."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from ftkit.cost.break_even import BreakEven, Course, break_even

usd = st.decimals(0, 2_000, places=2)
per_call = st.decimals(0, 1, places=5)
courses = st.builds(Course, usd, usd, per_call)
MANY = 600  # months


def simulated(one: Course, other: Course, calls: int) -> int | None:
    """The first month at whose end `one` has cost no more, counted up; 0 before the first."""
    ours, theirs = one.once, other.once
    for month in range(MANY + 1):
        if ours <= theirs:
            return month
        ours += one.monthly + calls * one.per_call
        theirs += other.monthly + calls * other.per_call
    return None


def agrees(found: BreakEven, one: Course, other: Course, calls: int) -> bool:
    counted = simulated(one, other, calls)
    if counted is None:
        return found.months is None or found.months > MANY
    return found.months is not None and counted - 1 < found.months <= counted


@settings(max_examples=500, deadline=None)
@given(courses, courses, st.integers(0, 500_000))
def test_it_is_the_month_that_counting_finds(one: Course, other: Course, calls: int) -> None:
    assert agrees(break_even(one, other, calls, 12), one, other, calls)


@settings(max_examples=500, deadline=None)
@given(courses, courses, st.integers(1, 36))
def test_from_the_calls_it_names_on_it_is_no_dearer_over_the_horizon(
    one: Course, other: Course, months: int
) -> None:
    needed = break_even(one, other, 1, months).calls_per_month
    if needed is None:
        assert (
            one.after(months, 10**9) > other.after(months, 10**9) or one.per_call < other.per_call
        )
        return
    assert one.after(months, needed) <= other.after(months, needed)
    if needed > 0:
        assert one.after(months, needed - 1) > other.after(months, needed - 1)


def test_never_is_never() -> None:
    hosted = Course(Decimal(5), Decimal(1241), Decimal("0.0001"))
    prompt = Course(Decimal(0), Decimal(0), Decimal("0.0002"))
    assert break_even(hosted, prompt, 1_000, 12) == BreakEven(None, None, 12_410_000 + 4_167)


def test_a_break_even_that_forgets_hosting_is_seen() -> None:
    hosted, prompt = (
        Course(Decimal(5), Decimal(1241), Decimal("0.0001")),
        Course(Decimal(0), Decimal(0), Decimal("0.01")),
    )
    forgetful = break_even(Course(hosted.once, Decimal(0), hosted.per_call), prompt, 100_000, 12)
    assert not agrees(forgetful, hosted, prompt, 100_000)
