"""What the order of a price table rests on: each turn that it names is the one that trying every factor finds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ftkit
from ftkit.cost.sensitivity import FARTHEST, turns
from ftkit.errors import ConfigError
from ftkit.types import Candidate, QuoteLine, Turn
from tests.price_pages import NOW, compared

MONTHS = 12
GROWS: dict[str, Callable[[str], bool]] = {
    "calls a month": {"input", "output"}.__contains__,
    "tokens of a question": {"input"}.__contains__,
    "tokens of an answer": {"output"}.__contains__,
    "hours of hosting": {"hosting"}.__contains__,
    "months": {"hosting", "storage", "input", "output"}.__contains__,
    "cost of training": {"once"}.__contains__,
}
FACTORS = [Decimal(str(10 ** (step / 200))) for step in range(-200, 201)]


@pytest.fixture(autouse=True)
def the_day(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FTKIT_NOW", NOW)
    monkeypatch.setenv("FTKIT_HOME", str(tmp_path / "home"))


def line(label: str, usd: Decimal) -> QuoteLine:
    return QuoteLine(label, Decimal(1), "unit", usd, usd, "a page", date(2026, 11, 24))


def costing(like: Candidate, name: str, once: int, monthly: Sequence[int]) -> Candidate:
    quote = replace(like.quote, lines=(line("training", Decimal(once)),))
    labels = ("hosting", "storage", "input", "output")
    lines = [line(label, Decimal(usd)) for label, usd in zip(labels, monthly, strict=True)]
    return replace(like, name=name, quote=quote, monthly=tuple(lines))


def total(one: Candidate, assumption: str, factor: Decimal) -> Decimal:
    """Added up line by line."""
    grows = GROWS[assumption]
    usd = (one.quote.usd_expected or Decimal(0)) * (factor if grows("once") else 1)
    for each in one.monthly:
        usd += MONTHS * (each.usd or Decimal(0)) * (factor if grows(each.label) else 1)
    return usd


def cheapest(models: Sequence[Candidate], assumption: str, factor: Decimal) -> set[str]:
    totals = {one.model: total(one, assumption, factor) for one in models}
    least = min(totals.values())
    return {name for name, usd in totals.items() if usd <= least * Decimal("1.000000001")}


def of_first(found: Sequence[Turn], assumption: str) -> tuple[Decimal, Decimal]:
    """(factor below, factor above) at which the first place changes hands; 0 and infinity where it does not."""
    mine = [one.factor for one in found if one.assumption == assumption and one.place == 1]
    below = max((one for one in mine if one <= 1), default=Decimal(0))
    return below, min((one for one in mine if one >= 1), default=Decimal("Infinity"))


prices = st.tuples(st.integers(0, 900), st.tuples(*[st.integers(0, 60)] * 4))


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(prices, min_size=2, max_size=6), st.sampled_from(sorted(GROWS)))
def test_the_first_place_changes_hands_where_trying_every_factor_finds_it(
    drawn: list[tuple[int, tuple[int, ...]]], assumption: str
) -> None:
    like = compared(["together/Qwen/Qwen3-8B"]).ranked[0]
    models = [costing(like, f"m{i}", once, monthly) for i, (once, monthly) in enumerate(drawn)]
    models.sort(key=lambda one: (total(one, assumption, Decimal(1)), one.model))
    first = models[0].model
    below, above = of_first(turns(models, MONTHS), assumption)
    for factor in FACTORS:
        if below < factor < above:
            assert first in cheapest(models, assumption, factor)
        elif factor not in (below, above, Decimal(1)):
            near = (
                max(below * Decimal("0.999"), 1 / FARTHEST)
                if factor < 1
                else min(above * Decimal("1.001"), FARTHEST)
            )
            assert first not in cheapest(models, assumption, near) or near in (1 / FARTHEST, FARTHEST)  # fmt: skip


def test_a_turn_names_the_model_that_is_cheaper_behind_it() -> None:
    table = compared()
    found = table.turns()
    assert found
    named = {one.model: one for one in table.ranked}
    for one in found:
        beyond = one.factor * (Decimal("1.001") if one.factor >= 1 else Decimal("0.999"))
        taker, holder = (
            total(named[model], one.assumption, beyond) for model in (one.model, one.over)
        )
        assert taker < holder, one
        before = total(named[one.model], one.assumption, Decimal(1))
        assert before >= total(named[one.over], one.assumption, Decimal(1))
    assert [turn["assumption"] for turn in table.to_dict()["turns"]] == [
        one.assumption for one in found
    ]


def test_where_nothing_takes_the_first_place_it_says_so() -> None:
    table = compared(["google/gemini-3.5-flash", "fireworks/qwen3-8b"], calls=1_000)
    assert not table.turns()
    assert "no assumption alone takes the first place from google/gemini-3.5-flash" in str(table)


def test_quotes_that_are_wider_than_they_are_apart_are_named_together() -> None:
    near = ["modal/Qwen/Qwen3-8B", "modal/meta-llama/Llama-3.1-8B-Instruct"]
    table = compared([*near, "google/gemini-3.5-flash"], calls=0, hosting_hours_per_month=0)
    assert set(near) <= {name.partition(" (")[0] for name in table.too_close()}
    assert "the widths of their quotes alone decide between" in str(table)
    assert compared(["google/gemini-3.5-flash", "fireworks/qwen3-8b"]).too_close() == ()


def test_a_deployment_costs_the_hours_it_is_there() -> None:
    whole, part = (
        compared(["fireworks/qwen3-8b"], calls=0, hosting_hours_per_month=hours).ranked[0]
        for hours in (730, 160)
    )
    assert (whole.monthly[0].usd, part.monthly[0].usd) == (Decimal(730 * 8), Decimal(160 * 8))
    for wrong in (-1, 745, math.nan):
        with pytest.raises(ConfigError, match="no number of hours of a month"):
            ftkit.compare([{"prompt": "q", "completion": "a"}], hosting_hours_per_month=wrong)
