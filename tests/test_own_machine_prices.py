"""What an hour of one's own machine costs, how that is ranked, and that a run ends before it costs more than it may."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit.errors import ConfigError
from ftkit.types import PriceTable
from tests.tiny import tiny_model_folder

ROWS = [{"prompt": f"where is {n}?", "completion": "on its way"} for n in range(24)]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"local/{tiny_model_folder(tmp_path_factory.mktemp('base') / 'tiny')}"


def priced(text: str) -> None:
    Path("ftkit.toml").write_text(f'[providers.local]\nbackend = "local"\n{text}\n')


@pytest.mark.parametrize(
    ("settings", "usd", "words"),
    [
        ('usd_per_hour = "0.40"', "0.40", "the user's configuration"),
        ('watts = 450\nusd_per_kwh = "0.30"', "0.135", "450 W at 0.30 USD a kWh"),
        ("machine_usd = 2500\nmachine_hours = 20000", "0.125", "2500 USD over 20,000 hours"),
        ('watts = 450\nusd_per_kwh = "0.30"\nmachine_usd = 2500\nmachine_hours = 20000', "0.26", "450 W at 0.30 USD a kWh, 2500 USD over"),
    ],
)  # fmt: skip
def test_an_hour_is_rent_or_electricity_and_depreciation(
    base: str, settings: str, usd: str, words: str
) -> None:
    priced(settings)
    (line,) = ftkit.estimate(ROWS, base).lines
    assert line.rate == Decimal(usd) and words in line.source
    assert line.usd == line.quantity * Decimal(usd)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("watts = 450", "watts and usd_per_kwh go together"),
        ("machine_hours = 450", "machine_usd and machine_hours go together"),
        ('usd_per_hour = 1\nwatts = 450\nusd_per_kwh = "0.3"', "usd_per_hour is a rent"),
        ('watts = 0\nusd_per_kwh = "0.3"', "watts: Input should be greater than 0"),
    ],
)
def test_half_a_price_is_refused(base: str, settings: str, words: str) -> None:
    priced(settings)
    with pytest.raises(ConfigError, match=words):
        ftkit.estimate(ROWS, base)


def test_ones_own_machine_is_ranked_apart(base: str) -> None:
    models = [base, "google/gemini-3.5-flash"]

    def compared(**more: Any) -> PriceTable:
        return ftkit.compare(ROWS, models, calls_per_month=10, horizon_months=2, **more)

    table = compared()
    (own,) = table.own
    assert table.total(own) is None and "not priced; about" in str(table)
    assert [one.name for one in table.ranked] == ["gemini-3.5-flash"] and not table.unpriced
    priced('usd_per_hour = "0.40"')
    table = compared(hosting_hours_per_month=100)
    (own,) = table.own
    assert own.quote.usd is not None
    assert table.total(own) == own.quote.usd + 2 * 100 * Decimal("0.40")
    assert "on your own machine, where nobody sends a bill" in str(table)
    assert [one["model"] for one in table.to_dict()["own"]] == [base]
    page = table.html("table.html").read_text()
    assert "On your own machine" in page and "40.00 a month for 100 hours on" in page


def test_a_machine_that_is_priced_wrongly_does_not_hide_the_others() -> None:
    priced("watts = 450")
    table = ftkit.compare(ROWS, calls_per_month=10)
    (machine,) = (one for one in table.passed_over if one.model == "local")
    assert "watts and usd_per_kwh go together" in machine.reason and table.ranked


def test_all_models_name_the_machine_without_a_price_apart() -> None:
    table = ftkit.compare(ROWS, calls_per_month=10)
    (machine,) = (one for one in table.passed_over if one.own)
    assert machine.model == "local" and "usd_per_kwh" in machine.reason
    below = str(table).partition("on your own machine")[2]
    assert below.splitlines()[1].strip() == machine.reason
    assert machine.reason not in str(table).partition("not today")[2]


def test_a_run_ends_before_it_costs_more_than_it_may(base: str) -> None:
    """At 3,600 USD an hour a limit of 500 USD is 500 seconds; a quote says so before."""
    priced("usd_per_hour = 3600")
    quote = ftkit.estimate(ROWS, base, hyperparameters={"max_steps": 2})
    assert any("with max_cost_usd it ends before it costs more" in note for note in quote.notes)
    limited = ftkit.submit(ROWS, plan=quote, max_cost_usd=500, dry_run=True)
    assert limited.request["spec.json"]["stop_after_s"] == pytest.approx(500)
    free = ftkit.submit(ROWS, plan=quote, dry_run=True)
    assert free.request["spec.json"]["stop_after_s"] is None
    priced("")
    unpriced = ftkit.estimate(ROWS, base, hyperparameters={"max_steps": 2})
    assert not any("max_cost_usd" in note for note in unpriced.notes)
