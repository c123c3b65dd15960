"""What is read from Anthropic's cache of prompts and written into it, and what that costs, to the last decimal of a bill.

The emulator bills by a table of its own; a map, a batch of prices and one answer must come to the same.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit.backend import Call, CallRates, Inference, Usage
from ftkit.catalogue import Catalogue
from ftkit.data.example import Message
from ftkit.errors import CapabilityError
from ftkit.spending import CallPrices
from tests.anthropic_desk import (
    COUNT,
    HAIKU,
    MODEL,
    OPUS,
    SONNET,
    configure,
    it_is,
    sent,
)
from tests.emulators.anthropic import AnthropicEmulator

pytest_plugins = ("tests.anthropic_fixtures",)

GUIDE = "You route tickets of a parcel service to one of its teams. " + "shipping rule " * 400
LATER = "2026-11-27T12:04:00+00:00"
MUCH_LATER = "2026-11-27T13:00:00+00:00"


def asked(text: str, guide: str = GUIDE) -> list[dict[str, str]]:
    return [{"role": "system", "content": guide}, {"role": "user", "content": text}]


def billed(claude: AnthropicEmulator) -> Decimal:
    return Decimal(claude.counts()["usd"])


def marks(body: dict[str, Any]) -> int:
    return str(body).count("cache_control")


@pytest.mark.parametrize("name", [HAIKU, SONNET, OPUS])
def test_a_long_system_prompt_is_written_once_and_read_from_then_on(
    name: str, claude: AnthropicEmulator, tmp_path: Path
) -> None:
    model = ftkit.model(f"anthropic/{name}")
    before = Decimal(0)
    for turn, moment in enumerate(("2026-11-27T12:00:00+00:00", LATER, MUCH_LATER)):
        it_is(moment, tmp_path)
        reply = model.chat(asked(f"question {turn}"))
        usage = reply.usage
        written = turn != 1  # five minutes after it was last read it is gone
        assert (usage.cache_write_input_tokens > 800) == written
        assert (usage.cached_input_tokens > 800) == (not written)
        assert usage.input_tokens > usage.cached_input_tokens + usage.cache_write_input_tokens > 800
        assert reply.cost_usd == billed(claude) - before > 0
        before = billed(claude)


def test_a_bill_that_forgets_the_cache_is_seen(
    claude: AnthropicEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A judge that sees nothing proves nothing."""
    own = CallPrices.cost
    monkeypatch.setattr(
        CallPrices,
        "cost",
        lambda self, usage: own(self, Usage(usage.input_tokens, usage.output_tokens)),
    )
    model = ftkit.model(MODEL)
    assert model.chat(asked("question 1")).cost_usd != billed(claude)


def test_the_total_of_input_is_the_same_with_and_without_a_cache(
    claude: AnthropicEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_it = ftkit.model(MODEL).chat(asked("question 1")).usage
    configure(tmp_path, monkeypatch, cache="off")
    without = ftkit.model(MODEL).chat(asked("question 1")).usage
    assert marks(sent(claude)) == 0
    assert with_it.input_tokens == without.input_tokens
    assert (without.cached_input_tokens, without.cache_write_input_tokens) == (0, 0)


def test_an_hour_costs_more_and_lasts_as_long(
    claude: AnthropicEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, cache="1h")
    model = ftkit.model(MODEL)
    first = model.chat(asked("question 1"))
    assert first.usage.long_cache_write_input_tokens == first.usage.cache_write_input_tokens > 800
    assert first.cost_usd == billed(claude)
    it_is("2026-11-27T12:50:00+00:00", tmp_path)
    assert model.chat(asked("question 2")).usage.cached_input_tokens > 800


def test_what_is_too_short_is_not_marked_and_its_answer_costs_as_ever(
    claude: AnthropicEmulator,
) -> None:
    reply = ftkit.model(MODEL).chat(asked("question 1", "Be short."))
    assert marks(sent(claude)) == 0
    assert reply.cost_usd == billed(claude) > 0


def test_tools_without_a_system_prompt_are_marked_and_examples_in_front_of_a_question_too(
    claude: AnthropicEmulator, claude_inference: Inference
) -> None:
    tools = tuple(
        {"type": "function", "function": {"name": f"tool_{n}", "description": "word " * 200}}
        for n in range(5)
    )
    shots = [
        Message(role, f"example {n} " + "word " * 60)
        for n in range(8)
        for role in ("user", "assistant")
    ]
    record = claude_inference.record(HAIKU)
    for n in range(2):
        question = (*shots, Message("user", f"question {n}"))
        answer = claude_inference.chat(record, Call(question, tools=tools))
    body = sent(claude)
    assert "cache_control" in body["tools"][-1]
    assert "cache_control" in body["messages"][-2]["content"][-1]
    assert marks(body) == 2
    assert answer.usage.cached_input_tokens > 1500


def test_a_mark_of_the_callers_own_is_the_only_one(
    claude: AnthropicEmulator, claude_inference: Inference
) -> None:
    call = Call(
        (Message("system", GUIDE), Message("user", "question 1")),
        extra={"cache_control": {"type": "ephemeral"}},
    )
    claude_inference.chat(claude_inference.record(HAIKU), call)
    assert marks(sent(claude)) == 1


def test_a_map_counts_what_the_cache_saved(claude: AnthropicEmulator, tmp_path: Path) -> None:
    model = ftkit.model(MODEL)
    out = tmp_path / "answers.jsonl"
    questions = [asked(f"question {n}") for n in range(6)]
    model.chat(questions[0])
    before = billed(claude)
    replies = model.map(questions, out=out)
    costs = [reply.cost_usd for reply in replies if reply.cost_usd is not None]
    assert sum(costs) == billed(claude) - before
    assert ftkit.spent().usd == sum(costs)
    assert '"cached_input_tokens"' in out.read_text()
    again = model.map(questions, out=out)
    assert [one.usage for one in again] == [one.usage for one in replies]


def test_a_prompt_of_more_than_a_hundred_thousand_tokens_costs_five_times_as_much_on_haiku(
    claude: AnthropicEmulator,
) -> None:
    """Every token of it, those of the answer too: the trap of a price that is quoted "from"."""
    model = ftkit.model(MODEL)
    reply = model.chat(asked("question 1", "word " * 100_100))
    assert reply.usage.input_tokens > 100_000
    assert reply.cost_usd == billed(claude)


# --- the core's arithmetic ---

PRICES: dict[str, Any] = {
    "rates": {
        name: {"usd": usd, "unit": "million tokens", "source": "test", "as_of": "2026-11-27"}
        for name, usd in {"in": "2", "out": "10", "read": "0.2", "write": "2.5"}.items()
    }
}


def test_input_is_charged_by_where_it_came_from() -> None:
    catalogue = Catalogue.model_validate(PRICES)
    whole = CallPrices(catalogue, CallRates("in", "out", cached="read", cache_write="write"))
    usage = Usage(1_000_000, 100_000, 600_000, 300_000)
    assert whole.cost(usage) == Decimal("0.2") + Decimal("0.12") + Decimal("0.75") + 1
    plain = CallPrices(catalogue, CallRates("in", "out"))
    assert plain.cost(Usage(1_000_000, 0, 600_000)) == 2, "never less than may be billed"
    assert plain.cost(usage) is None, "what is written costs more, and nobody knows how much"
    longer = CallRates("in", "out", longer=(10, CallRates("out", "out")))
    assert CallPrices(catalogue, longer).cost(Usage(10, 0)) == Decimal("0.00002")
    assert CallPrices(catalogue, longer).cost(Usage(11, 0)) == Decimal("0.00011")


# --- counting ---


def test_tokens_are_counted_free_of_charge_as_they_are_billed(
    claude: AnthropicEmulator,
) -> None:
    model = ftkit.model(MODEL)
    counted = model.count_tokens(asked("question 1"))
    assert (claude.counts()["messages"], billed(claude)) == (0, 0)
    assert counted == asyncio.run(model.acount_tokens(asked("question 1")))
    assert counted == model.chat(asked("question 1")).usage.input_tokens
    assert "max_tokens" not in sent(claude, COUNT)


def test_counting_waits_out_a_short_outage_and_is_refused_by_name_elsewhere(
    claude: AnthropicEmulator,
) -> None:
    claude.refuse(COUNT, "overloaded_error", times=2)
    assert ftkit.model(MODEL).count_tokens("question 1") > 0
    with pytest.raises(CapabilityError, match="count_tokens"):
        ftkit.model("openai/gpt-4o-mini").count_tokens("question 1")
