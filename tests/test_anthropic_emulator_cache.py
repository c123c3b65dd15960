"""The emulator's prompt cache and its prices: what is written, read, forgotten, and what each token costs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import anthropic
import pytest

from tests.emulators.anthropic import AnthropicEmulator, driving
from tests.emulators.anthropic.driving import (
    HAIKU,
    OLD,
    OPUS,
    SONNET,
    Time,
    body,
    connect,
    long_text,
)

server, emulator, client, time = driving.server, driving.emulator, driving.client, driving.time

FIVE_MINUTES: Any = {"type": "ephemeral"}
HOUR: Any = {"type": "ephemeral", "ttl": "1h"}
BIG = long_text(600)


def system(text: str = BIG, mark: Any = FIVE_MINUTES) -> list[Any]:
    """A system prompt with a mark."""
    return [{"type": "text", "text": text, "cache_control": mark}]


def used(client: anthropic.Anthropic, question: str = "hi", **fields: Any) -> tuple[int, int, int]:
    """Tokens of a message: written to the cache, read from it, and the rest."""
    usage = client.messages.create(**body(question, **fields)).usage
    return (
        usage.cache_creation_input_tokens or 0,
        usage.cache_read_input_tokens or 0,
        usage.input_tokens,
    )


def test_a_marked_prefix_is_written_once_and_then_read(client: anthropic.Anthropic) -> None:
    assert used(client, system=system()) == (600, 0, 4)
    assert used(client, "another question", system=system()) == (0, 600, 5)


def test_nothing_is_cached_without_a_mark(client: anthropic.Anthropic) -> None:
    assert used(client, system=BIG) == used(client, system=BIG) == (0, 0, 604)


@pytest.mark.parametrize(("model", "least"), [(HAIKU, 512), (OPUS, 512), (OLD, 4096)])
def test_a_prefix_below_the_minimum_is_not_cached_and_nobody_is_told(
    client: anthropic.Anthropic, model: str, least: int
) -> None:
    for words, written in ((least - 1, 0), (least, least)):
        text = system(long_text(words))
        assert used(client, system=text, model=model)[0] == written
        assert used(client, system=text, model=model)[1] == written


def test_one_word_changed_and_all_is_written_anew(client: anthropic.Anthropic) -> None:
    used(client, system=system())
    assert used(client, system=system("other " + BIG)) == (601, 0, 4)
    assert (
        used(client, system=system(), tools=[{"name": "t", "input_schema": {"type": "object"}}])[1]
        == 0
    )
    assert used(client, system=system(), model=SONNET)[1] == 0
    assert used(client, system=system())[1] == 600


@pytest.mark.parametrize(("mark", "life"), [(FIVE_MINUTES, 300), (HOUR, 3600)])
def test_an_entry_lives_as_long_as_it_was_marked_and_each_use_begins_it_anew(
    client: anthropic.Anthropic, time: Time, mark: Any, life: int
) -> None:
    assert used(client, system=system(mark=mark))[0] == 600
    for _ in range(3):
        time.pass_(life - 1)
        assert used(client, system=system(mark=mark))[1] == 600
    time.pass_(life)
    assert used(client, system=system(mark=mark)) == (600, 0, 4)


def test_a_growing_conversation_writes_only_what_is_new(client: anthropic.Anthropic) -> None:
    turns: list[Any] = [{"role": "user", "content": BIG}]
    asks = {"model": HAIKU, "max_tokens": 50, "cache_control": FIVE_MINUTES}
    first = client.messages.create(messages=turns, **asks)
    assert first.usage.cache_creation_input_tokens == 603
    turns += [{"role": "assistant", "content": "yes"}, {"role": "user", "content": "and now"}]
    second = client.messages.create(messages=turns, **asks).usage
    assert (second.cache_read_input_tokens, second.cache_creation_input_tokens) == (603, 4 + 5)
    assert second.input_tokens == 0


def test_a_mark_looks_back_over_twenty_blocks(client: anthropic.Anthropic) -> None:
    big = {"type": "text", "text": BIG, "cache_control": FIVE_MINUTES}

    def turn(more: int) -> Any:
        blocks = [{"type": "text", "text": f"b{at}"} for at in range(more)]
        marked = {**blocks.pop(), "cache_control": FIVE_MINUTES}
        return [{"type": "text", "text": BIG}, *blocks, marked]

    client.messages.create(**body([big]))
    near = client.messages.create(**body(turn(19))).usage
    assert (near.cache_read_input_tokens, near.cache_creation_input_tokens) == (603, 19)
    far: Any = [{**one, "text": f"x{one['text']}"} for one in turn(20)[1:]]
    usage = client.messages.create(**body([{"type": "text", "text": BIG}, *far])).usage
    assert (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (0, 623)


def test_what_stands_beside_the_prompt_parts_messages_but_not_the_system(
    client: anthropic.Anthropic,
) -> None:
    marked = [{"type": "text", "text": "more " * 10, "cache_control": FIVE_MINUTES}]
    asks = body(marked, system=system())
    client.messages.create(**asks)
    assert client.messages.create(**asks).usage.cache_read_input_tokens == 613
    low = client.messages.create(**asks, output_config={"effort": "low"}).usage
    assert low.cache_read_input_tokens == 600
    # The effort that the model has anyway is no change.
    medium = client.messages.create(**asks, output_config={"effort": "medium"}).usage
    assert medium.cache_read_input_tokens == 613


def test_a_workspace_does_not_read_anothers_cache() -> None:
    accounts = {"key-a": "org-acme/one", "key-b": "org-acme/two"}
    with AnthropicEmulator(accounts=accounts, now=driving.NOON) as emulator:
        for key in accounts:
            with connect(emulator, key=key) as client:
                assert used(client, system=system())[0] == 600


def test_nothing_is_said_where_the_cache_is_warmed(client: anthropic.Anthropic) -> None:
    asks = {**body(system=system()), "max_tokens": 0}
    warmed = client.messages.create(**asks)
    assert (warmed.content, warmed.usage.output_tokens) == ([], 0)
    assert used(client, system=system())[1] == 600


def spent(emulator: AnthropicEmulator) -> Decimal:
    """Dollars so far."""
    return Decimal(emulator.counts()["usd"])


# USD a million tokens: input, cache write for 5 minutes, for an hour, read, output
PRICES = {
    HAIKU: ("0.10", "0.125", "0.20", "0.01", "0.50"),
    SONNET: ("2", "2.50", "4", "0.10", "10"),
    OPUS: ("4", "5", "8", "0.20", "20"),
}


@pytest.mark.parametrize("model", PRICES)
def test_each_token_has_its_price(
    client: anthropic.Anthropic, emulator: AnthropicEmulator, model: str
) -> None:
    plain, minutes, hour, read, written = (Decimal(price) for price in PRICES[model])
    answered = 4 + 3  # the thought, and "You said: hi"
    total = Decimal(0)
    for fields, usd in (
        ({"system": BIG}, 604 * plain),
        ({"system": system()}, 600 * minutes + 4 * plain),
        ({"system": system()}, 600 * read + 4 * plain),
        ({"system": system("long " + BIG, HOUR)}, 601 * hour + 4 * plain),
    ):
        client.messages.create(**body("hi", **{**fields, "model": model}))
        total += (usd + answered * written) / 1_000_000
        assert spent(emulator) == total
    assert emulator.counts()["tokens"] == {
        "input": 604 + 3 * 4,
        "cache_write_5m": 600,
        "cache_write_1h": 601,
        "cache_read": 600,
        "output": 4 * answered,
    }


def test_two_lives_in_one_prompt_are_told_apart(client: anthropic.Anthropic) -> None:
    turn = [{"type": "text", "text": long_text(20), "cache_control": FIVE_MINUTES}]
    usage = client.messages.create(**body(turn, system=system(mark=HOUR))).usage
    assert usage.cache_creation is not None
    assert usage.cache_creation.ephemeral_1h_input_tokens == 600
    assert usage.cache_creation.ephemeral_5m_input_tokens == 23
    assert usage.cache_creation_input_tokens == 623


def test_a_long_prompt_to_haiku_costs_five_times_as_much_per_token(
    client: anthropic.Anthropic, emulator: AnthropicEmulator
) -> None:
    for words, factor in ((99_997, 1), (99_998, 5)):
        before = spent(emulator)
        asks = body(long_text(words, "w"), thinking={"type": "disabled"})
        emulator.reply_with("yes")
        client.messages.create(**asks)
        usd = ((words + 3) * Decimal("0.10") + Decimal("0.50")) * factor / 1_000_000
        assert spent(emulator) - before == usd


def test_a_batch_pays_half_for_every_token(
    client: anthropic.Anthropic, emulator: AnthropicEmulator
) -> None:
    rows: Any = [{"custom_id": str(at), "params": body("hi", system=system())} for at in range(2)]
    client.messages.batches.create(requests=rows)
    whole = 600 * (Decimal("0.125") + Decimal("0.01")) + 2 * (4 * Decimal("0.10") + Decimal("3.5"))
    assert spent(emulator) == whole / 2 / 1_000_000
    assert emulator.counts()["batch_usd"] == emulator.counts()["usd"]


def test_a_count_costs_nothing(client: anthropic.Anthropic, emulator: AnthropicEmulator) -> None:
    asks = body(system=system())
    del asks["max_tokens"]
    assert client.messages.count_tokens(**asks).input_tokens == 604
    assert (spent(emulator), emulator.counts()["count_tokens"]) == (0, 1)
    assert used(client, system=system())[1] == 0
