"""Input that came out of a provider's cache is charged at its own price, for each provider that tells of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

import ftkit
from ftkit.backend import Call, ModelRecord, Usage
from ftkit.data.example import Message
from ftkit.spending import Meter
from ftkit_openai import chat_wire, responses_wire
from tests.emulators.openai import OpenAIEmulator
from tests.openai_desk import BASE, CHAT, MODEL, opened

pytest_plugins = ("tests.openai_fixtures",)


def test_openais_cached_tokens_are_charged_at_their_price(emulator: OpenAIEmulator) -> None:
    details = {"cached_tokens": 1_000_000, "audio_tokens": 0}
    usage = {
        "prompt_tokens": 1_500_000,
        "completion_tokens": 1_000_000,
        "total_tokens": 2_500_000,
        "prompt_tokens_details": details,
    }
    emulator.fault(CHAT, "patch", fields={"usage": usage})
    reply = ftkit.model(MODEL).chat("question 1")
    assert reply.usage == Usage(1_500_000, 1_000_000, 1_000_000)
    rates = opened().catalogue.rates
    facts = opened().catalogue.model(BASE)
    assert facts is not None
    price = {
        use: rates[facts.rates[use]].usd for use in ("base_input", "base_cached", "base_output")
    }
    read, cached, written = (Decimal(str(one)) for one in price.values())
    assert cached < read
    assert reply.cost_usd == read / 2 + cached + written


@pytest.mark.parametrize("details", [None, {}, {"cached_tokens": None}, {"cached_tokens": 3}])
def test_a_reply_that_tells_of_no_cache_has_read_nothing_from_one(
    details: dict[str, Any] | None,
) -> None:
    expected = 3 if details and details.get("cached_tokens") else 0
    chat = {"prompt_tokens": 7, "completion_tokens": 2, "prompt_tokens_details": details}
    responses = {"input_tokens": 7, "output_tokens": 2, "input_tokens_details": details}
    assert chat_wire.usage({"usage": chat}) == Usage(7, 2, expected)
    assert responses_wire._usage({"usage": responses}) == Usage(7, 2, expected)


def test_the_least_that_questions_cost_takes_long_ones_from_a_cache_and_short_ones_not(
    emulator: OpenAIEmulator,
) -> None:
    """A budget must not refuse what a cache would make fit, nor let pass what cannot fit."""
    meter = Meter(opened(), ModelRecord("openai", BASE, BASE))
    long, short = (Call((Message("user", "x" * size),)) for size in (8 * 2000, 8 * 100))
    assert meter.at_least([long]) == meter.cost(Usage(2000, 0, 2000))
    assert meter.at_least([short]) == meter.cost(Usage(100, 0))
