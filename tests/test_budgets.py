"""What is over its budget is refused before the first byte: the stand-in provider counts the requests."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

import ftkit
from ftkit.errors import BudgetError
from ftkit.testing import HostedProvider
from ftkit.types import Quote
from tests.hosted import ROWS

MODEL = "fake/small"


def wide(low: str, expected: str) -> Quote:
    """The plan of a job whose bill is not known to a cent: at most what is quoted, perhaps less."""
    plan = ftkit.estimate(ROWS, MODEL)
    (line,) = plan.lines
    narrow = replace(
        line,
        expected=line.quantity * Decimal(expected),
        low=line.quantity * Decimal(low),
        why="tokens without their tokenizer",
    )
    return replace(plan, lines=(narrow,))


def test_a_job_over_its_budget_sends_nothing(provider: HostedProvider) -> None:
    usd = ftkit.estimate(ROWS, MODEL).usd
    assert usd is not None
    with pytest.raises(BudgetError, match="more than max_cost_usd"):
        ftkit.submit(ROWS, MODEL, max_cost_usd=usd * Decimal("0.99"))
    assert provider.log() == [] and ftkit.jobs() == []


def test_a_job_whose_high_end_alone_is_over_sends_nothing(provider: HostedProvider) -> None:
    plan = wide("0.5", "0.8")
    assert plan.usd is not None and plan.usd_expected is not None
    limit = (plan.usd_expected + plan.usd) / 2
    with pytest.raises(BudgetError, match="more than max_cost_usd"):
        ftkit.submit(ROWS, plan=plan, max_cost_usd=limit)
    with pytest.raises(BudgetError, match="more than max_cost_usd"):
        ftkit.submit(ROWS, plan=plan, max_cost_usd=limit, dry_run=True)
    assert provider.log() == [] and ftkit.jobs() == []
    ftkit.submit(ROWS, plan=plan, max_cost_usd=plan.usd)
    assert provider.counts()["jobs"] == 1


def test_an_unknown_price_sends_nothing_unless_it_is_allowed(provider: HostedProvider) -> None:
    plan = ftkit.estimate(ROWS, MODEL)
    unknown = replace(plan, lines=(replace(plan.lines[0], rate=None, usd=None),))
    for limit in (None, 1_000_000):
        with pytest.raises(BudgetError, match="allow_unpriced"):
            ftkit.submit(ROWS, plan=unknown, max_cost_usd=limit)
    assert provider.log() == [] and ftkit.jobs() == []
    ftkit.submit(ROWS, plan=unknown, allow_unpriced=True)
    assert provider.counts()["jobs"] == 1
