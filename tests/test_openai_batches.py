"""Answers of a batch at OpenAI, by the number of their question; what cannot be read is never taken for an answer."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

import ftkit
from ftkit.backend import Call, ModelRecord, Unavailable
from ftkit.data import Image, Message
from ftkit.errors import (
    NotFound,
    ProviderError,
    Unanswered,
)
from ftkit.http.replies import parse
from ftkit_openai.batching import OpenAIBatching
from tests.emulators.openai import OpenAIEmulator
from tests.openai_batch_desk import LIST, QUESTIONS, START, batch, batching
from tests.openai_desk import MODEL, UPLOAD, tuned

pytest_plugins = ("tests.openai_fixtures",)


def test_the_answers_come_in_the_order_of_the_questions_though_their_file_has_another(
    emulator: OpenAIEmulator,
) -> None:
    one = batch().wait(60)
    assert [reply.text for reply in one.replies()] == [f"You said: {text}" for text in QUESTIONS]
    assert (one.status, one.raw_status, one.counts.done) == ("succeeded", "completed", 5)
    counts = emulator.counts()
    assert (counts["batches"], counts["requests"][START], counts["requests"][UPLOAD]) == (1, 1, 1)
    assert counts["requests"][LIST] == 1  # the one look before it


def test_the_rows_are_what_chat_would_send(emulator: OpenAIEmulator, home: Path) -> None:
    one = batch(["hello"], temperature=0.5, stop=["x"], seed=3, extra={"user": "me"})
    row = json.loads(Path(one.last_seen.request["file"]).read_text())
    ftkit.model(MODEL).chat(
        "hello", max_tokens=30, temperature=0.5, stop=["x"], seed=3, extra={"user": "me"}
    )
    chats = [
        call["json"] for call in emulator.log() if call["route"] == "POST /v1/chat/completions"
    ]
    assert row == {
        "custom_id": "row-1",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": chats[0],
    }


@pytest.mark.parametrize("of", ["base", "tuned"])
def test_what_it_cost_is_what_openai_bills_to_the_cent(of: str, emulator: OpenAIEmulator) -> None:
    emulator.set(tokens="o200k")
    model = f"openai/{tuned().record().native}" if of == "tuned" else MODEL
    before = Decimal(emulator.counts()["usd"])
    questions = [f"question {number} of many" for number in range(40)]
    one = batch(questions, model).wait(3600)
    billed = Decimal(emulator.counts()["usd"]) - before
    assert one.cost_usd == billed > 0
    assert one.max_cost_usd is not None and one.max_cost_usd >= billed


def test_the_bound_is_reached_where_every_answer_is_as_long_as_it_may_be(
    emulator: OpenAIEmulator,
) -> None:
    emulator.set(tokens="o200k")
    long = ["say " + "parrot " * 50 for _ in range(3)]
    one = batch(long, max_tokens=4).wait(60)
    assert {reply.finish_reason for reply in one.replies()} == {"length"}
    assert one.cost_usd == one.max_cost_usd == Decimal(emulator.counts()["usd"])


def test_schemas_tools_and_images_go_along(emulator: OpenAIEmulator) -> None:
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
    picture = Message("user", "", parts=("what?", Image("data:image/png;base64,iVBORw0KGgo=")))
    assert batch([[picture]], "openai/gpt-4o").wait(60).replies()[0].usage.input_tokens > 85
    assert ftkit.batch(one.key).replies()[0].schema["properties"]["team"]["type"] == "string"


def test_a_row_that_is_refused_is_named_and_the_others_are_kept(
    emulator: OpenAIEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = OpenAIBatching.encode

    def encode(self: OpenAIBatching, record: ModelRecord, index: int, call: Call) -> bytes:
        return own(self, replace(record, native="nobody") if index == 1 else record, index, call)

    monkeypatch.setattr(OpenAIBatching, "encode", encode)
    one = batch().wait(60)
    assert (one.status, one.counts.done, one.counts.failed) == ("succeeded", 4, 1)
    with pytest.raises(
        Unanswered, match="1 of 5.*\n.*row 2: OpenAI refused it with HTTP 404: model_not"
    ):
        one.replies()
    out = one.save(tmp_path / "answers.jsonl")
    replies = ftkit.model(MODEL).map(QUESTIONS, out=out, max_tokens=30)
    assert [reply.replayed for reply in replies] == [True, False, True, True, True]


def test_an_expired_batch_keeps_its_answers_and_map_asks_for_the_rest(
    emulator: OpenAIEmulator, tmp_path: Path
) -> None:
    emulator.set(batch_answers=3)
    one = batch().wait(60)
    assert (one.status, one.counts.done, one.counts.total) == ("expired", 3, 5)
    with pytest.raises(Unanswered, match="batch_expired: This request could not be executed"):
        one.replies()
    assert batch().key == one.key
    out = one.save(tmp_path / "answers.jsonl")
    replies = ftkit.model(MODEL).map(QUESTIONS, out=out, max_tokens=30)
    assert [reply.replayed for reply in replies] == [True, True, True, False, False]
    assert emulator.counts()["requests"]["POST /v1/chat/completions"] == 2


def test_one_that_expired_without_an_answer_is_made_anew(emulator: OpenAIEmulator) -> None:
    emulator.set(batch_answers=0)
    first = batch().wait(60)
    assert (first.status, first.counts.done) == ("expired", 0)
    emulator.set(batch_answers=None)
    again = batch().wait(60)
    assert (again.key[:-1], again.key[-1]) == (first.key[:-1], "2")
    assert len(again.replies()) == 5


def test_a_file_that_openai_refuses_fails_the_batch_with_its_reason(
    emulator: OpenAIEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ftkit_openai import batching as module

    monkeypatch.setattr(module, "_ENDPOINT", "/v1/responses")
    own = OpenAIBatching.encode
    monkeypatch.setattr(
        OpenAIBatching,
        "encode",
        lambda *a: own(*a).replace(b"/v1/responses", b"/v1/chat/completions"),
    )
    one = batch(["a", "b"]).wait(60)
    assert one.status == "failed"
    assert str(one.error).startswith("row 1: invalid_url: The URL provided")
    with pytest.raises(
        Unanswered, match="2 of 2.*\n.*row 1: no answer: the batch is failed, row 1"
    ):
        one.replies()


# --- what is wrong with the answers ---


def test_an_answer_file_that_is_cut_is_not_taken_for_the_whole(
    emulator: OpenAIEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = batch().wait(60)
    emulator.fault("GET /v1/files/ID/content", "reply", status=200, body="", times=None)
    with pytest.raises(Unavailable, match="has 0 bytes, and OpenAI says"):
        one.replies()
    emulator.clear_faults()
    assert len(one.replies()) == 5


@pytest.mark.parametrize(
    "name", ["row-6", "row-0", "6", "row-01", "../row-1", "row-99999999999"], ids=str
)
def test_an_answer_to_no_question_of_ours_is_not_taken(
    name: str, emulator: OpenAIEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = batch().wait(60)
    monkeypatch.setattr(
        "ftkit_openai.batching.parse",
        lambda line: {**parse(line), **({"custom_id": name} if b'"row-5"' in line else {})},
    )
    with pytest.raises(ProviderError, match="number of a question|answers question 6 of batch"):
        one.replies()


def test_answers_that_are_deleted_say_so(emulator: OpenAIEmulator) -> None:
    one = batch().wait(60)
    told = batching()._batch(str(one.id))
    emulator.lose_file(told["output_file_id"])
    with pytest.raises(NotFound, match="not at OpenAI any more"):
        one.replies()


def test_a_body_that_cannot_be_read_is_one_row_without_an_answer(
    emulator: OpenAIEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = batch().wait(60)

    def spoiled(line: bytes) -> Any:
        row = parse(line)
        if row["custom_id"] == "row-2":
            row["response"]["body"]["choices"] = []
        return row

    monkeypatch.setattr("ftkit_openai.batching.parse", spoiled)
    given = dict(one.answers())
    assert given[1] == "its answer cannot be read: OpenAI's answer has no choice in it"
    assert sum(isinstance(said, str) for said in given.values()) == 1
