"""Bills that somebody published, and bills worked out by hand: a quote from the same numbers gives the same sum.

Published sums are literals with the page they stand on; where the page rounds, its sum is compared as it rounds. Computed ones
are our own arithmetic at the prices of the fact sheets, by a rule that is written beside them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import ftkit

NEAR = Decimal("0.005")  # of the sum


@dataclass(frozen=True)
class Example:
    """What is asked for, the sum in USD, and where it stands."""

    page: str
    usd: str
    asked: dict[str, Any] = field(default_factory=dict)


MILLION = 1_000_000

PUBLISHED = [
    Example(
        "OpenAI, guide to fine-tuning, estimate costs, 2024: 100,000 tokens, 3 epochs, gpt-4o-mini",
        "0.90",
        {"tokens": 100_000, "epochs": 3, "model": "openai/gpt-4o-mini"},
    ),
    Example(
        "the same page: gpt-3.5-turbo-0125",
        "2.40",
        {"tokens": 100_000, "epochs": 3, "rates": {"train": "8"}},
    ),
    Example(
        "Microsoft, cost management for fine-tuning, 2026-03-19: 1M tokens, 2 epochs, at 2 USD",
        "4",
        {"tokens": MILLION, "epochs": 2, "rows": 500, "rates": {"train": "2"}},
    ),
    Example(
        "the same page: o4-mini by reinforcement, 4 hours at 100 USD",
        "400",
        {"training_hours": 4, "rates": {"train_hour": "100"}},
    ),
    Example(
        "the same page: the same with a model that grades, 5M tokens in and 4.9M out",
        "427.06",
        {
            "training_hours": 4, "input_tokens": 5 * MILLION, "output_tokens": 4_900_000,
            "rates": {"train_hour": "100", "input": "1.10", "output": "4.40"},
        },
    ),
    Example(
        "the same page: a month of a tuned chatbot, 720 hours, 20M tokens in and 40M out",
        "1422.00",
        {
            "hosting_hours": 720, "input_tokens": 20 * MILLION, "output_tokens": 40 * MILLION,
            "rates": {"hosting": "1.70", "input": "1.10", "output": "4.40"},
        },
    ),
    Example(
        "a billed run at Fireworks, published 2026: 13.5M tokens, muse-glimmer-30b",
        "40.59",
        {"tokens": 13_500_000, "epochs": 1, "model": "fireworks/muse-glimmer-30b"},
    ),
    Example(
        "kickllm.com, fine-tuning cost calculator: 10,000 rows of 512 tokens, 3 epochs, 0.008 USD per 1,000",
        "123",
        {"tokens": 5_120_000, "rows": 10_000, "epochs": 3, "rates": {"train": "8"}},
    ),
    Example(
        "deploybase.ai, fine-tuning cost, 2026: 100M tokens at Together's 0.48",
        "48",
        {"tokens": 100 * MILLION, "epochs": 1, "model": "together/Qwen/Qwen3-8B"},
    ),
    Example(
        "deploybase.ai, fine-tuning cost, 2026: an A100 for 100 hours at 1.19",
        "119",
        {"training_hours": 100, "rates": {"train_hour": "1.19"}},
    ),
    Example(
        "dev-toolbox.tech, token cost calculator, 2026: a set of 5M tokens at 25 USD",
        "125",
        {"tokens": 5 * MILLION, "epochs": 1, "rates": {"train": "25"}},
    ),
]  # fmt: skip

COMPUTED = [
    Example("0.7 x 3 x 25", "52.50", {"tokens": 700_000, "epochs": 3, "model": "openai/gpt-4.1"}),
    Example("2 x 3 x 5", "30", {"tokens": 2 * MILLION, "epochs": 3, "model": "openai/gpt-4.1-mini"}),
    Example("2 x 1 x 25", "50", {"tokens": 2 * MILLION, "epochs": 1, "model": "openai/gpt-4o"}),
    Example("5 x 3 x 25 (global)", "375", {"tokens": 5 * MILLION, "epochs": 3, "model": "azure/gpt-4.1"}),
    Example(
        "5 x 3 x 5 + 730 x 1.70 + 10 x 0.40 + 1 x 1.60",
        "1321.60",
        {
            "tokens": 5 * MILLION, "epochs": 3, "model": "azure/gpt-4.1-mini", "hosting_hours": 730,
            "input_tokens": 10 * MILLION, "output_tokens": MILLION,
        },
    ),
    Example("1 x 1 x 3.60 + 730 x 0.30", "222.60", {"tokens": MILLION, "epochs": 1, "model": "azure/gpt-oss-20b", "hosting_hours": 730}),
    Example("17.5 x 3", "52.50", {"tokens": 437_500, "rows": 166, "epochs": 40, "model": "google/gemini-3.1-flash-lite"}),
    Example("3 x 2 x 10", "60", {"tokens": 3 * MILLION, "epochs": 2, "model": "google/gemini-3.5-flash"}),
    Example("2.25 x 4 + 13.5 x 1", "22.50", {"input_tokens": 4 * MILLION, "output_tokens": MILLION, "model": "google/gemini-3.5-flash"}),
    Example("1 x 9.06", "9.06", {"tokens": MILLION, "epochs": 1, "model": "google/gemma-4-31b-it"}),
    Example("2 x 2 x 3.78 + 3 x 1.95", "20.97", {"tokens": 2 * MILLION, "epochs": 2, "model": "bedrock/nova-2-lite", "storage_months": 3}),
    Example("4 x 5 x 1", "20", {"tokens": 4 * MILLION, "epochs": 5, "model": "bedrock/nova-micro"}),
    Example("65.536 x 0.48", "31.46", {"tokens": 65_536_000, "epochs": 1, "model": "together/Qwen/Qwen3-14B"}),
    Example("10 x 3 x 1.50, by all its parameters", "45", {"tokens": 10 * MILLION, "epochs": 3, "model": "together/openai/gpt-oss-20b"}),
    Example("10 x 3 x 2.90", "87", {"tokens": 10 * MILLION, "epochs": 3, "model": "together/meta-llama/Llama-3.3-70B-Instruct-Reference"}),
    Example("10 x 1 x 3.75, pairs", "37.50", {"tokens": 10 * MILLION, "epochs": 1, "model": "together/Qwen/Qwen3-32B", "method": "dpo"}),
    Example("10 x 2 x 0.50 + 168 x 8", "1354", {"tokens": 10 * MILLION, "epochs": 2, "model": "fireworks/qwen3-8b", "hosting_hours": 168}),
    Example("10 x 1 x 6, pairs", "60", {"tokens": 10 * MILLION, "epochs": 1, "model": "fireworks/gemma-4-31b-it", "method": "dpo"}),
    Example("8 x 2 x 0.44", "7.04", {"tokens": 8 * MILLION, "epochs": 2, "model": "tinker/Qwen/Qwen3-8B"}),
    Example("5 x 3 x 2.80", "42", {"tokens": 5 * MILLION, "epochs": 3, "model": "nebius/meta-llama/Llama-3.3-70B-Instruct"}),
]  # fmt: skip


@pytest.fixture(autouse=True)
def a_day_when_they_held(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FTKIT_NOW", "2026-11-24T12:00:00Z")
    monkeypatch.setenv("FTKIT_HOME", str(tmp_path))


def quoted(example: Example) -> Decimal:
    usd = ftkit.estimate(**example.asked).usd
    assert usd is not None
    return usd


@pytest.mark.parametrize("example", PUBLISHED, ids=lambda one: one.page)
def test_a_published_bill_is_met(example: Example) -> None:
    assert abs(quoted(example) - Decimal(example.usd)) <= NEAR * Decimal(example.usd)


@pytest.mark.parametrize("example", COMPUTED, ids=lambda one: f"{one.asked['model']}: {one.page}")
def test_a_bill_worked_out_by_hand_is_met(example: Example) -> None:
    assert abs(quoted(example) - Decimal(example.usd)) <= NEAR * Decimal(example.usd)


def test_there_are_enough_of_them() -> None:
    assert len(PUBLISHED) >= 10 and len(PUBLISHED) + len(COMPUTED) >= 25


@pytest.mark.parametrize("forgotten", ["epochs", "hosting_hours"])
def test_a_quote_that_forgets_epochs_or_hosting_is_seen(forgotten: str) -> None:
    """The judge is worth something only where a wrong rule turns it red."""
    red = 0
    for example in (*PUBLISHED, *COMPUTED):
        asked = {name: value for name, value in example.asked.items() if name != forgotten}
        if asked != example.asked:
            usd = ftkit.estimate(
                **{**asked, **({"epochs": 1} if forgotten == "epochs" else {})}
            ).usd
            red += usd is None or abs(usd - Decimal(example.usd)) > NEAR * Decimal(example.usd)
    assert red >= 4
