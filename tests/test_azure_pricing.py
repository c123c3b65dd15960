"""What a job, an answer and an hour at Azure cost: by tier, and by the tier of the deployment where it is another one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

import ftkit
from ftkit import config
from ftkit.backend import ModelRecord
from ftkit.errors import CapabilityError, ConfigError
from ftkit.registry import open_backend
from tests.azure_desk import BASE, MODEL, ROWS, lines

RECORD = ModelRecord("azure", f"{BASE}.ft-1", BASE, tuned=True)
PLAIN = ModelRecord("azure", BASE, BASE)


def configured(tmp_path: Path, patch: pytest.MonkeyPatch, **settings: object) -> None:
    path = tmp_path / "user.toml"
    path.write_text('[providers.azure]\nbackend = "azure"\n' + "".join(lines(settings)))
    patch.setenv("FTKIT_CONFIG", str(path))


@pytest.mark.parametrize(
    ("tier", "rate"),
    [(None, "5"), ("global", "5"), ("datazone", "5.5"), ("standard", "5.5"), ("developer", "2.5")],
)
def test_a_job_costs_its_exact_tokens_at_the_rate_of_its_tier(
    tier: str | None, rate: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(tmp_path, monkeypatch, tier=tier)
    quote = ftkit.estimate(ROWS, MODEL)
    (line,) = quote.lines
    assert line.rate == Decimal(rate) and not quote.at_most
    assert line.quantity == Decimal(quote.resolved.counts.tokens * 3) / 1_000_000


def test_nothing_is_left_to_azure() -> None:
    decided = ftkit.estimate(ROWS, MODEL).resolved.hyperparameters.given()
    assert decided == {"epochs": 3, "batch_size": 1, "learning_rate_multiplier": 2.0, "seed": 0}


@pytest.mark.parametrize(
    "wrong",
    [{"train_on": "last"}, {"epochs": 1.5}, {"lora_rank": 8}, {"seed": -1}, {"batch_size": 257}],
)
def test_a_setting_that_azure_cannot_honour_is_named(wrong: dict[str, object]) -> None:
    with pytest.raises((CapabilityError, ConfigError), match=next(iter(wrong))):
        ftkit.estimate(ROWS, MODEL, hyperparameters=wrong)


def test_more_than_two_billion_tokens_times_epochs_are_refused() -> None:
    pricing = open_backend("azure", config.settings()).pricing
    quote = ftkit.estimate(ROWS, MODEL)
    counts = replace(quote.resolved.counts, tokens=700_000_000)
    resolve = pricing.resolve
    base, method = quote.resolved.base, quote.resolved.method
    with pytest.raises(CapabilityError, match="2,000,000,000 tokens times epochs"):
        resolve(base, method, quote.resolved.hyperparameters, counts)
    fewer = quote.resolved.hyperparameters.model_copy(update={"epochs": 2.0})
    assert resolve(base, method, fewer, counts).steps


def test_a_tuned_model_costs_what_its_base_costs_by_the_token() -> None:
    pricing = open_backend("azure", config.settings()).pricing
    assert pricing.call_rates(RECORD) == pricing.call_rates(PLAIN)


@pytest.mark.parametrize(
    ("tier", "deployed", "input_rate", "hour"),
    [
        (None, None, "gpt-4.1-mini.global.input", "gpt-4.1-mini.global.hosting"),
        ("standard", None, "gpt-4.1-mini.standard.input", "gpt-4.1-mini.standard.hosting"),
        ("developer", None, "gpt-4.1-mini.global.input", "gpt-4.1-mini.global.hosting"),
        (None, "developer", "gpt-4.1-mini.global.input", "developer.hosting"),
        ("global", "datazone", "gpt-4.1-mini.datazone.input", "gpt-4.1-mini.datazone.hosting"),
    ],
)
def test_answers_and_hours_are_priced_by_the_tier_of_the_deployment(
    tier: str | None,
    deployed: str | None,
    input_rate: str,
    hour: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configured(tmp_path, monkeypatch, tier=tier, deployment_tier=deployed)
    backend = open_backend("azure", config.settings())
    assert backend.pricing is not None and backend.hosting is not None
    rates = backend.pricing.call_rates(RECORD)
    assert rates is not None and rates.input == input_rate
    assert backend.hosting.rate_key(RECORD) == hour
    assert backend.hosting.rate_key(PLAIN) == "base.hosting"


def test_a_tuned_model_costs_by_the_hour_and_its_base_does_not() -> None:
    backend = open_backend("azure", config.settings())
    usd = {name: rate.usd for name, rate in backend.catalogue.rates.items()}
    assert backend.hosting is not None
    assert usd[str(backend.hosting.rate_key(RECORD))] == Decimal("1.7")
    assert usd[str(backend.hosting.rate_key(PLAIN))] == 0


def test_an_open_model_is_estimated_and_says_so() -> None:
    quote = ftkit.estimate(ROWS, "azure/gpt-oss-20b")
    assert quote.at_most and quote.lines[0].rate == Decimal("3.6")
