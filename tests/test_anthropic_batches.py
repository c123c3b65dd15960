"""Answers of a batch of Claude, by the number of their question; what cannot be read is never taken for an answer."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

import ftkit
from ftkit import clock
from ftkit.backend import Call, ModelRecord, Unavailable
from ftkit.data import Message
from ftkit.errors import ProviderError, Unanswered
from ftkit_anthropic.batching import AnthropicBatching
from tests.anthropic_batch_desk import HOUR, QUESTIONS, RESULTS, batch, batching, of_another
from tests.anthropic_desk import ASK, BATCH, HAIKU, MODEL, OPUS, SONNET, sent
from tests.emulators.anthropic import AnthropicEmulator

pytest_plugins = ("tests.anthropic_fixtures",)


def test_the_answers_come_in_the_order_of_the_questions_though_their_file_has_another(
    claude: AnthropicEmulator,
) -> None:
    one = batch().wait(60)
    assert [reply.text for reply in one.replies()] == [f"You said: {text}" for text in QUESTIONS]
    assert (one.status, one.raw_status, one.counts.done) == ("succeeded", "ended", 4)
    assert [index for index, _ in batching().answers(str(one.id))] == [3, 2, 1, 0]


@pytest.mark.parametrize("name", [HAIKU, SONNET, OPUS])
def test_the_rows_are_what_chat_would_send(name: str, claude: AnthropicEmulator) -> None:
    model = f"anthropic/{name}"
    one = batch(["hello"], model, stop=["x"])
    row = {"custom_id": f"{one.key}-0", "params": {}}
    ftkit.model(model).chat("hello", max_tokens=30, stop=["x"])
    assert sent(claude, BATCH) == {"requests": [{**row, "params": sent(claude, ASK)}]}


def test_a_long_prompt_is_not_marked_for_the_cache(claude: AnthropicEmulator) -> None:
    """Rows are answered at the same time: each would write it, for a quarter more."""
    question = [Message("system", "rule " * 3000), Message("user", "question")]
    one = batch([question] * 3).wait(60)
    assert "cache_control" not in str(sent(claude, BATCH))
    assert [reply.usage.cache_write_input_tokens for reply in one.replies()] == [0, 0, 0]


@pytest.mark.parametrize("name", [HAIKU, SONNET, OPUS])
def test_what_it_cost_is_what_anthropic_bills_to_the_cent(
    name: str, claude: AnthropicEmulator
) -> None:
    questions = [f"question {number} of many" for number in range(40)]
    one = batch(questions, f"anthropic/{name}").wait(3600)
    billed = Decimal(claude.counts()["batch_usd"])
    assert one.cost_usd == billed > 0
    assert one.max_cost_usd is not None and one.max_cost_usd >= billed


def test_a_prompt_of_more_than_100_000_tokens_costs_five_times_as_much_in_a_batch_too(
    claude: AnthropicEmulator,
) -> None:
    one = batch(["word " * 100_100]).wait(60)
    assert one.cost_usd == Decimal(claude.counts()["batch_usd"])
    assert one.max_cost_usd is not None and one.max_cost_usd > one.cost_usd


def test_what_a_cache_had_to_do_with_is_never_counted_too_low(claude: AnthropicEmulator) -> None:
    """Only who marks it himself has it cached; what was read there counts in full, what was written is not known."""
    mark = {"cache_control": {"type": "ephemeral"}}
    question = [Message("system", "rule " * 3000), Message("user", "question")]
    one = batch([question] * 2, extra=mark).wait(60)
    assert (one.max_cost_usd, one.cost_usd) == (None, None)
    again = batch([question] * 3, extra=mark).wait(60)
    assert {reply.usage.cached_input_tokens > 0 for reply in again.replies()} == {True}
    assert again.cost_usd is not None
    assert again.cost_usd > Decimal(claude.counts()["batch_usd"]) / 2


def test_what_is_thought_is_in_the_bound(claude: AnthropicEmulator) -> None:
    claude.set(thinking_tokens=30)
    one = batch(["say " + "parrot " * 50] * 3, f"anthropic/{OPUS}", max_tokens=40).wait(60)
    assert one.cost_usd == Decimal(claude.counts()["batch_usd"])
    assert one.max_cost_usd is not None and one.max_cost_usd >= one.cost_usd


def test_no_token_has_less_than_a_byte_however_a_letter_is_written(
    claude: AnthropicEmulator,
) -> None:
    """One letter may be eighteen once it is brought into the common form."""
    part = batching()
    record = ftkit.model(MODEL).record
    for text in ("hello", "größer", "🦜", "\ufdfa", "ﬃ" * 10):
        most = part.longest(record, Call((Message("user", text),), max_tokens=7))
        assert most is not None
        assert most.input_tokens > len(text.encode()) and most.output_tokens == 7
    most = part.longest(record, Call((Message("user", "\ufdfa" * 1000),)))
    assert most is not None and most.input_tokens > 33_000


def test_schemas_and_tools_go_along(claude: AnthropicEmulator) -> None:
    class Route(BaseModel):
        model_config = ConfigDict(extra="forbid")
        team: str

    one = batch(["where?"], schema=Route).wait(60)
    assert one.replies()[0].parsed == Route(team="")
    tool = {
        "type": "function",
        "function": {"name": "get_weather", "parameters": {"type": "object"}},
    }
    (called,) = batch(["please get_weather"], tools=[tool]).wait(60).replies()
    assert called.tool_calls[0].name == "get_weather"


def test_a_row_that_is_refused_is_named_and_the_others_are_kept(
    claude: AnthropicEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = AnthropicBatching.encode

    def encode(self: AnthropicBatching, record: ModelRecord, index: int, call: Call) -> bytes:
        other = replace(record, native="claude-none") if index == 1 else record
        return own(self, other, index, call)

    monkeypatch.setattr(AnthropicBatching, "encode", encode)
    one = batch().wait(60)
    assert (one.status, one.counts.done, one.counts.failed) == ("succeeded", 3, 1)
    with pytest.raises(
        Unanswered, match="1 of 4.*\n.*row 2: Anthropic refused it: not_found_error: model: cl"
    ):
        one.replies()
    out = one.save(tmp_path / "answers.jsonl")
    replies = ftkit.model(MODEL).map(QUESTIONS, out=out, max_tokens=30)
    assert [reply.replayed for reply in replies] == [True, False, True, True]


def test_an_expired_batch_keeps_its_answers_and_map_asks_for_the_rest(
    claude: AnthropicEmulator, tmp_path: Path
) -> None:
    claude.set(batch_answers=3)
    one = batch()
    assert one.wait(2 * 24 * HOUR).status == "expired"
    assert (one.counts.done, one.counts.failed, one.counts.total) == (3, 1, 4)
    with pytest.raises(Unanswered, match="1 of 4.*\n.*row 4: not answered: the day was over"):
        one.replies()
    out = one.save(tmp_path / "answers.jsonl")
    replies = ftkit.model(MODEL).map(QUESTIONS, out=out, max_tokens=30)
    assert [reply.replayed for reply in replies] == [True, True, True, False]
    assert claude.counts()["requests"][ASK] == 1


def test_one_that_is_cancelled_keeps_what_was_answered_before(claude: AnthropicEmulator) -> None:
    claude.set(batch_s=HOUR, batch_answers=1, cancel_s=60.0)
    one = batch()
    assert (one.status, one.raw_status) == ("running", "in_progress")
    one.cancel()
    assert (one.status, one.raw_status) == ("running", "canceling")
    assert one.wait(HOUR).status == "cancelled"
    batching().cancel(str(one.id))  # it has ended: nothing is asked
    told = [said for _, said in one.answers()]
    assert getattr(told[0], "text", "") == f"You said: {QUESTIONS[0]}"
    assert told[1] == "not answered: the batch was cancelled before"
    assert claude.counts()["requests"]["POST /v1/messages/batches/ID/cancel"] == 1


def test_one_without_an_answer_is_made_anew(claude: AnthropicEmulator) -> None:
    claude.set(batch_s=HOUR, cancel_s=0.0)
    first = batch()
    first.cancel()
    assert first.status == "cancelled"
    again = batch()
    assert (again.key[:-1], again.key[-1]) == (first.key[:-1], "2")
    assert len(again.wait(2 * HOUR).replies()) == 4


def test_a_status_that_nobody_knows_is_kept_and_not_final(
    claude: AnthropicEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    claude.set(batch_s=HOUR)
    one = batch()
    claude.fault(
        "GET /v1/messages/batches/ID", "patch", fields={"processing_status": "musing"}, times=2
    )
    assert (one.status, one.raw_status) == ("other", "musing")
    assert "a status that ftkit does not know" in caplog.text
    assert one.wait(2 * HOUR).status == "succeeded"
    claude.take_violations()


# --- what is wrong with the answers ---


def test_results_that_are_cut_are_not_taken_for_the_whole(claude: AnthropicEmulator) -> None:
    one = batch().wait(60)
    row = {
        "custom_id": f"{one.key}-0",
        "result": {"type": "errored", "error": {"type": "error", "error": {"type": "a"}}},
    }
    for body in ("", json.dumps(row) + "\n"):
        claude.fault(RESULTS, "reply", status=200, body=body, times=None)
        with pytest.raises(Unavailable, match="Anthropic says 4"):
            one.replies()
        claude.clear_faults()
    claude.fault(RESULTS, "half", times=None)
    with pytest.raises(ProviderError):
        one.replies()
    claude.clear_faults()
    assert len(one.replies()) == 4


@pytest.mark.parametrize("name", ["row-4", "4", "", "ftk-04", "../ftk-1", "ftk-99999999999"])
def test_an_answer_to_no_question_of_ours_is_not_taken(
    name: str, claude: AnthropicEmulator
) -> None:
    one = batch().wait(60)
    row = {"custom_id": name, "result": {"type": "expired"}}
    claude.fault(RESULTS, "reply", status=200, body=json.dumps(row) + "\n", times=None)
    with pytest.raises(ProviderError):
        one.replies()


@pytest.mark.parametrize("body", ["[]\n", "{\n", "<html>\n", '{"custom_id": "ftk-0"}\n'])
def test_a_line_that_is_no_row_is_an_error(body: str, claude: AnthropicEmulator) -> None:
    one = batch().wait(60)
    claude.fault(RESULTS, "reply", status=200, body=body, times=None)
    with pytest.raises(ProviderError):
        one.replies()


def test_a_message_that_cannot_be_read_is_one_row_without_an_answer(
    claude: AnthropicEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ftkit_anthropic import batch_wire

    own = batch_wire.parse

    def spoiled(content: bytes) -> Any:
        row = own(content)
        if row["custom_id"].endswith("-1"):
            row["result"]["message"]["usage"] = None
        return row

    one = batch().wait(60)
    monkeypatch.setattr(batch_wire, "parse", spoiled)
    given = dict(one.answers())
    assert str(given[1]).startswith("its answer cannot be read: ")
    assert sum(isinstance(said, str) for said in given.values()) == 1


def test_results_of_many_megabytes_are_read(claude: AnthropicEmulator) -> None:
    claude.reply_with(*(["parrot " * 20_000] * 4))
    one = batch(max_tokens=30_000).wait(60)
    assert {len(reply.text.split()) for reply in one.replies()} == {20_000}


def test_the_key_goes_nowhere_but_to_the_address_that_was_set(claude: AnthropicEmulator) -> None:
    """Where the results lie is told in a reply; it is not followed."""
    one = batch()
    clock.sleep(60)
    claude.fault(
        "GET /v1/messages/batches/ID",
        "patch",
        fields={"results_url": "http://elsewhere.example/results"},
        times=None,
    )
    assert len(one.wait(60).replies()) == 4
    claude.take_violations()


def test_batches_of_others_are_not_ours(claude: AnthropicEmulator) -> None:
    claude.set(batch_s=0.0)
    of_another(claude, 4, "row_of_theirs")
    assert batch().wait(60).counts.done == 4
