"""Answers of OpenAI's models: as they were asked for, waited for while a model loads, many at once, and clear when gone."""

from __future__ import annotations

import asyncio
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit.backend import Answer, Call, Inference, Refused, Usage
from ftkit.data.example import Message
from ftkit.errors import BudgetError, ProviderError
from ftkit_openai import chat_wire
from ftkit_openai.client import Client
from tests.emulators.openai import OpenAIEmulator
from tests.openai_desk import BASE, CHAT, MODEL, configure, opened, tuned

pytest_plugins = ("tests.openai_fixtures",)

ASKED = (Message("system", "Be short."), Message("user", "question 1"))


@pytest.fixture
def inference(emulator: OpenAIEmulator) -> Inference:
    part = opened().inference
    assert part is not None
    return part


def sent(server: OpenAIEmulator) -> dict[str, Any]:
    """The body of the last question."""
    bodies: list[dict[str, Any]] = [one["json"] for one in server.log() if one["route"] == CHAT]
    return bodies[-1]


# --- what is sent and what comes back ---


def test_every_option_of_a_call_reaches_openai(
    emulator: OpenAIEmulator, inference: Inference
) -> None:
    call = Call(ASKED, 9, 0.5, 0.9, ("\n", "END"), 7, extra={"user": "somebody"})
    inference.chat(inference.record(BASE), call)
    assert sent(emulator) == {
        "model": BASE,
        "messages": [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": "question 1"},
        ],
        "max_completion_tokens": 9,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["\n", "END"],
        "seed": 7,
        "user": "somebody",
    }


def test_extra_takes_a_field_out_for_models_that_do_not_know_it(
    emulator: OpenAIEmulator, inference: Inference
) -> None:
    call = Call(ASKED, extra={"temperature": None, "top_p": None})
    inference.chat(inference.record(BASE), call)
    assert sent(emulator).keys() == {"model", "messages", "max_completion_tokens"}


def test_an_answer_costs_what_a_tuned_model_costs(emulator: OpenAIEmulator) -> None:
    model = tuned().model()
    before = Decimal(emulator.counts()["usd"])
    reply = model.chat("question 3")
    assert reply.text == "answer 3"
    assert reply.cost_usd == Decimal(emulator.counts()["usd"]) - before > 0
    plain = model.base.chat("question 3")
    assert plain.cost_usd is not None and 0 < plain.cost_usd < reply.cost_usd


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_a_reason_to_end_is_kept_as_it_was_said(reason: str, emulator: OpenAIEmulator) -> None:
    emulator.reply_with({"content": "and so", "finish_reason": reason})
    model = ftkit.model(MODEL)
    assert model.chat("go on").finish_reason == reason


def test_a_refusal_is_the_text_of_the_answer(emulator: OpenAIEmulator) -> None:
    emulator.reply_with({"content": None, "refusal": "I cannot say that."})
    assert ftkit.model(MODEL).chat("say it").text == "I cannot say that."


def test_a_stream_says_the_same_with_its_usage(
    emulator: OpenAIEmulator, inference: Inference
) -> None:
    record = inference.record(BASE)
    whole = inference.chat(record, Call(ASKED))
    *pieces, last = inference.stream(record, Call(ASKED))
    assert isinstance(last, Answer)
    assert "".join(map(str, pieces)) == last.text == whole.text
    assert (last.usage, last.finish_reason) == (whole.usage, whole.finish_reason)


@pytest.mark.parametrize("action", ["half", "close"])
def test_a_stream_that_breaks_is_an_error_and_not_a_short_answer(
    action: str, emulator: OpenAIEmulator, inference: Inference
) -> None:
    emulator.reply_with("word " * 50)
    emulator.fault(CHAT, action, process=True)
    with pytest.raises(ftkit.errors.FtkitError):
        list(inference.stream(inference.record(BASE), Call(ASKED)))
    assert emulator.counts()["requests"][CHAT] == 1


def test_a_stream_without_its_end_or_its_count_is_not_whole() -> None:
    piece = {"choices": [{"delta": {"content": "and"}, "finish_reason": None}]}
    end: dict[str, Any] = {"choices": [{"delta": {}, "finish_reason": "stop"}]}
    count = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 1}}
    for chunks, missing in (([piece], "its end"), ([piece, end], "its count of tokens")):
        pieces = chat_wire.Pieces()
        for chunk in chunks:
            pieces.take(chunk)
        with pytest.raises(ProviderError, match=missing):
            pieces.answer()
    pieces = chat_wire.Pieces()
    assert [pieces.take(chunk) for chunk in (piece, end, count)] == ["and", "", ""]
    assert pieces.answer().usage == Usage(3, 1)


def test_a_page_in_place_of_an_answer_is_an_error(
    emulator: OpenAIEmulator, inference: Inference
) -> None:
    record = inference.record(BASE)
    for body in ("<html>welcome</html>", '{"choices": []}', "[]", "{}"):
        emulator.fault(CHAT, "reply", status=200, body=body)
        with pytest.raises(ProviderError):
            inference.chat(record, Call(ASKED))


def test_what_openai_does_not_take_is_said_in_its_words(
    emulator: OpenAIEmulator, inference: Inference
) -> None:
    with pytest.raises(Refused, match="temperature"):
        inference.chat(inference.record(BASE), Call(ASKED, temperature=3.0))
    broken = [one["what"] for one in emulator.take_violations()]
    assert broken == (["request"] if emulator.validated else [])


# --- async ---


def test_async_answers_work_in_one_event_loop_after_another(
    emulator: OpenAIEmulator, inference: Inference
) -> None:
    record = inference.record(BASE)

    async def both() -> tuple[str, str]:
        answers = await asyncio.gather(*(inference.achat(record, Call(ASKED)) for _ in range(20)))
        pieces = [piece async for piece in inference.astream(record, Call(ASKED))]
        return answers[0].text, "".join(piece for piece in pieces if isinstance(piece, str))

    said = [asyncio.run(both()) for _ in range(3)]
    assert set(said) == {("You said: question 1", "You said: question 1")}


# --- many ---


def test_many_questions_are_asked_a_few_at_once_and_each_answered_once(
    emulator: OpenAIEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, answers_at_once=3)
    inference = opened().inference
    assert inference is not None
    record = inference.record(BASE)
    busy: list[int] = []
    own = Client.ask

    def ask(self: Client, *question: Any) -> dict[str, Any]:
        busy.append(sum(one.name.startswith("ftkit-openai") for one in threading.enumerate()))
        return own(self, *question)

    monkeypatch.setattr(Client, "ask", ask)
    calls = [Call((Message("user", f"number {n}"),)) for n in range(20)]
    answers = dict(inference.chat_many(record, calls))
    assert {n: one.text for n, one in answers.items()} == {
        n: f"You said: number {n}" for n in range(20)
    }
    assert emulator.counts()["chats"] == 20
    assert max(busy) == 3


def test_answers_that_came_before_a_failure_are_kept(
    emulator: OpenAIEmulator, tmp_path: Path
) -> None:
    """They are paid for: the same call later asks only for the rest."""
    out = tmp_path / "answers.jsonl"
    model = ftkit.model(MODEL)
    questions = [f"number {n}" for n in range(200)]
    emulator.refuse(CHAT, "insufficient_quota", skip=10)
    with pytest.raises(Refused, match="no credit left"):
        model.map(questions, out=out)
    came = emulator.counts()["chats"]
    assert len(out.read_text().splitlines()) == came
    assert 10 <= came < 100, "those that were under way are waited for, and no more are asked"
    replies = model.map(questions, out=out)
    assert sum(reply.replayed for reply in replies) == came
    assert emulator.counts()["chats"] == 200


def test_answers_under_way_when_the_budget_ends_are_kept_and_no_more_are_asked(
    emulator: OpenAIEmulator, tmp_path: Path
) -> None:
    out = tmp_path / "answers.jsonl"
    with pytest.raises(BudgetError, match="are not asked"):
        ftkit.model(MODEL).map([f"number {n}" for n in range(200)], out=out, max_cost_usd="0.0004")
    came = emulator.counts()["chats"]
    assert len(out.read_text().splitlines()) == came
    assert came < 150


def test_a_loop_that_is_left_early_asks_no_more(
    emulator: OpenAIEmulator, inference: Inference
) -> None:
    calls = [Call((Message("user", f"number {n}"),)) for n in range(200)]
    answers = inference.chat_many(inference.record(BASE), calls)
    next(answers)
    answers.close()  # type: ignore[attr-defined]
    assert emulator.counts()["chats"] < 30
