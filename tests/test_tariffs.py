"""Providers whose prices are known before ftkit can submit to them: quoted by their own rule, and refused by name."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit import config
from ftkit.catalogue import Catalogue
from ftkit.data.tokens import Counts
from ftkit.errors import CapabilityError, ConfigError, NotFound
from ftkit.hyperparameters import Hyperparameters, Method
from ftkit.registry import open_backend
from ftkit.tariffs import TokenTariff

PRICED = ("azure", "bedrock", "fireworks", "google", "nebius", "tinker", "together")
ROWS = [
    {"prompt": f"Where is parcel {number}?", "completion": "on its way"} for number in range(100)
]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    def refused(*_: Any) -> None:
        raise AssertionError("a quote needs no network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setenv("FTKIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FTKIT_NOW", "2026-11-24T12:00:00Z")
    yield


def configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    file = tmp_path / "ftkit.toml"
    file.write_text(text)
    monkeypatch.setenv("FTKIT_CONFIG", str(file))


def catalogue(name: str) -> Catalogue:
    return open_backend(name, config.settings()).catalogue


@pytest.mark.parametrize(
    ("model", "rate", "epochs"),
    [
        ("together/Qwen/Qwen3-8B", "0.48", 1),
        ("together/openai/gpt-oss-20b", "1.5", 1),
        ("together/meta-llama/Llama-3.3-70B-Instruct-Reference", "2.9", 1),
        ("fireworks/qwen3-14b", "0.5", 1),
        ("fireworks/gemma-4-26b-a4b-it", "3", 1),
        ("google/gemini-3.5-flash", "10", 3),
        ("azure/gpt-oss-20b", "3.6", 3),
        ("bedrock/nova-2-lite", "3.78", 2),
        ("tinker/Qwen/Qwen3-8B", "0.44", 1),
        ("nebius/meta-llama/Llama-3.1-8B-Instruct", "0.4", 3),
    ],
)
def test_a_job_costs_its_tokens_times_epochs_at_the_rate_of_its_provider(
    model: str, rate: str, epochs: int
) -> None:
    quote = ftkit.estimate(ROWS, model)
    [line] = quote.lines
    assert line.rate == Decimal(rate)
    assert line.quantity == Decimal(quote.resolved.counts.tokens * epochs) / 1_000_000
    assert quote.usd == line.quantity * Decimal(rate)
    assert quote.usd is not None and quote.at_most  # there is no tokenizer of theirs


def test_a_brackets_price_is_by_all_parameters_not_by_the_active_ones() -> None:
    """gpt-oss-20b: 20 billion, of which a token meets less than four."""
    rates = catalogue("together").models["openai/gpt-oss-20b"].rates
    assert rates["train"] == "17b_to_69b.lora"


def test_where_a_provider_fills_rows_up_each_costs_what_the_longest_may_have() -> None:
    packed = catalogue("together")
    assert packed.billing is not None
    billing = packed.billing.model_copy(update={"packs": False})
    tariff = TokenTariff("together", packed.model_copy(update={"billing": billing}))
    settings = Hyperparameters(epochs=2, max_length=512)
    counts = Counts(3, 60, 9, (10, 20, 30))
    resolved = tariff.resolve(tariff.base("Qwen/Qwen3-8B"), Method.LORA, settings, counts)
    (line,) = tariff.bill(resolved)
    assert line.amount == Decimal(2 * 3 * 512) / 1_000_000


def test_preference_pairs_have_a_price_of_their_own() -> None:
    pair = {"prompt": "where?", "chosen": "here", "rejected": "nowhere"}
    quote = ftkit.estimate([pair] * 20, "together/Qwen/Qwen3-8B", method="dpo")
    assert quote.lines[0].rate == Decimal("1.2")


def test_validation_rows_are_a_line_of_their_own_where_the_provider_charges_for_them() -> None:
    watched = ROWS[:10]
    quote = ftkit.estimate(
        ROWS, "together/Qwen/Qwen3-8B", validation=watched, hyperparameters={"epochs": 2}
    )
    alone = ftkit.estimate(watched, "together/Qwen/Qwen3-8B", hyperparameters={"epochs": 2})
    assert [line.label for line in quote.lines] == ["training", "validation, once an epoch"]
    assert quote.lines[1].usd == alone.usd
    free = ftkit.estimate(ROWS, "google/gemini-3.5-flash", validation=watched)
    assert [line.label for line in free.lines] == ["training"]


def test_a_tier_is_a_setting_of_the_instance(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    configured(monkeypatch, tmp_path, '[providers.azure]\nbackend = "azure"\ntier = "developer"\n')
    assert ftkit.estimate(ROWS, "azure/gpt-4.1-mini").lines[0].rate == Decimal("2.5")


def test_an_unknown_tier_is_answered_with_the_tiers_there_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    configured(monkeypatch, tmp_path, '[providers.azure]\nbackend = "azure"\ntier = "globl"\n')
    with pytest.raises(ConfigError, match="no tier 'globl'; did you mean 'global'"):
        ftkit.estimate(ROWS, "azure/gpt-4.1-mini")


def test_a_negotiated_price_overrides_and_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    configured(monkeypatch, tmp_path, '[catalogue.together.rates."up_to_16b.lora"]\nusd = "0.30"\n')
    quote = ftkit.estimate(ROWS, "together/Qwen/Qwen3-8B")
    assert quote.lines[0].rate == Decimal("0.30")
    assert str(tmp_path) in quote.lines[0].note
    assert quote.notes  # what the catalogue says beside its rows is still there


def test_a_price_that_nobody_knows_is_not_nothing() -> None:
    quote = ftkit.estimate(ROWS, "google/gemini-3.5-flash-lite")
    assert quote.usd is None
    assert "not priced" in str(quote)


def test_a_quote_says_that_it_cannot_be_submitted_and_submitting_it_is_refused() -> None:
    quote = ftkit.estimate(ROWS, "together/Qwen/Qwen3-8B")
    assert quote.not_submittable is not None
    assert quote.to_dict()["not_submittable"] == quote.not_submittable
    assert "cannot submit to Together yet" in str(quote)
    for submission in (
        lambda: ftkit.submit(ROWS, plan=quote, max_cost_usd=100),
        lambda: ftkit.submit(ROWS, model="together/Qwen/Qwen3-8B", max_cost_usd=100),
        lambda: ftkit.finetune(ROWS, model="together/Qwen/Qwen3-8B", max_cost_usd=100),
    ):
        with pytest.raises(CapabilityError, match="cannot submit to Together yet"):
            submission()


def test_what_can_be_submitted_says_nothing_of_the_kind() -> None:
    assert ftkit.estimate(ROWS, "fake/small").not_submittable is None


@pytest.mark.parametrize("name", ["claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"])
def test_no_claude_model_is_quoted_and_the_refusal_says_why_and_what_else(name: str) -> None:
    with pytest.raises(CapabilityError, match="(?s)2026-03-10.*examples in the prompt"):
        ftkit.estimate(ROWS, f"anthropic/{name}")


def test_a_model_for_reinforcement_only_is_refused() -> None:
    with pytest.raises(CapabilityError, match="reinforcement only"):
        ftkit.estimate(ROWS, "azure/o4-mini-2025-04-16")


def test_a_method_that_a_model_lacks_is_refused() -> None:
    with pytest.raises(CapabilityError, match="with full; it takes lora, dpo"):
        ftkit.estimate(ROWS, "together/Qwen/Qwen3-8B", method="full")


def test_a_setting_that_the_provider_lacks_or_limits_is_refused() -> None:
    with pytest.raises(CapabilityError, match="google cannot honour seed"):
        ftkit.estimate(ROWS, "google/gemini-3.5-flash", hyperparameters={"seed": 1})
    with pytest.raises(CapabilityError, match="it takes from 1 to 20"):
        ftkit.estimate(ROWS, "together/Qwen/Qwen3-8B", hyperparameters={"epochs": 21})
    with pytest.raises(CapabilityError, match="cannot honour beta"):
        ftkit.estimate(ROWS, "azure/gpt-4.1-mini", hyperparameters={"beta": 0.2})


def test_an_unknown_model_is_answered_with_the_nearest() -> None:
    with pytest.raises(NotFound, match="did you mean 'gemini-3.5-flash'"):
        ftkit.estimate(ROWS, "google/gemini-35-flash")


@pytest.mark.parametrize("name", [*PRICED, "anthropic"])
def test_every_method_of_every_model_can_be_quoted_or_is_refused_for_a_reason(name: str) -> None:
    pair = [{"prompt": "where?", "chosen": "here", "rejected": "nowhere"}] * 20
    for model, facts in catalogue(name).models.items():
        assert facts.methods or facts.untunable, model
        for method in facts.methods or ():
            quote = ftkit.estimate(
                pair if method == "dpo" else ROWS, f"{name}/{model}", method=method
            )
            assert quote.lines, model
