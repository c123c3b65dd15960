"""A tuned model that OpenAI does not find yet is waited for; one that it does not find any more, or never had, is not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import ftkit
from ftkit import clock
from ftkit.backend import Call, Inference, Unavailable
from ftkit.data.example import Message
from ftkit.errors import NotFound
from tests.emulators.openai import OpenAIEmulator
from tests.openai_desk import CHAT, configure, opened, tuned

pytest_plugins = ("tests.openai_fixtures",)

ASKED = (Message("user", "question 1"),)


@pytest.fixture
def inference(emulator: OpenAIEmulator) -> Inference:
    part = opened().inference
    assert part is not None
    return part


def test_a_model_that_still_loads_is_waited_for(emulator: OpenAIEmulator) -> None:
    model = tuned().model()
    emulator.set(loading_s=300.0)
    before = clock.now()
    assert model.chat("question 4").text == "answer 4"
    assert 200 < (clock.now() - before).total_seconds() < 330
    assert emulator.counts()["requests"][CHAT] < 30


@pytest.mark.parametrize("how", ["stream", "achat", "astream"])
def test_every_way_to_ask_waits_for_it(
    how: str, emulator: OpenAIEmulator, inference: Inference
) -> None:
    record = tuned().model().record
    emulator.set(loading_s=60.0)
    call = Call((Message("user", "question 5"),))

    async def collect() -> str:
        pieces = [piece async for piece in inference.astream(record, call)]
        return "".join(piece for piece in pieces if isinstance(piece, str))

    async def ask() -> str:
        return (await inference.achat(record, call)).text

    if how == "stream":
        pieces = list(inference.stream(record, call))
        said = "".join(piece for piece in pieces if isinstance(piece, str))
    else:
        said = asyncio.run(ask() if how == "achat" else collect())
    assert said == "answer 5"


def test_an_outage_while_a_model_loads_is_an_outage(
    emulator: OpenAIEmulator, inference: Inference
) -> None:
    record = tuned().model().record
    emulator.set(loading_s=60.0)
    emulator.fault("GET /v1/models/ID", "close")
    assert inference.chat(record, Call(ASKED)).text == "answer 1", "a read is tried again"
    emulator.set(loading_s=600.0)
    emulator.fault("GET /v1/models/ID", "close", times=None)
    with pytest.raises(Unavailable, match="no answer"):
        inference.chat(record, Call(ASKED))


def test_a_model_that_does_not_load_in_time_is_not_waited_for_longer(
    emulator: OpenAIEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, loading_s=120)
    model = tuned().model()
    emulator.set(loading_s=3600.0)
    before = clock.now()
    with pytest.raises(NotFound, match="is not new, so it is not loading"):
        model.chat("question 4")
    assert (clock.now() - before).total_seconds() == pytest.approx(120, abs=20)


def test_a_model_that_was_deleted_is_not_waited_for(emulator: OpenAIEmulator) -> None:
    job = tuned()
    model = job.model()
    remote = job.last_seen.remote_id
    assert remote is not None
    emulator.lose_job(remote)
    before = clock.now()
    with pytest.raises(NotFound):
        model.chat("question 4")
    assert clock.now() == before
    assert emulator.counts()["requests"][CHAT] == 1


def test_a_plain_model_that_is_not_there_is_not_waited_for(emulator: OpenAIEmulator) -> None:
    with pytest.raises(NotFound, match="has no model 'gpt-9'"):
        ftkit.model("openai/gpt-9")
    assert emulator.counts()["requests"].get(CHAT, 0) == 0


def test_any_other_model_of_openai_answers_too_at_a_price_that_is_not_known(
    emulator: OpenAIEmulator,
) -> None:
    reply = ftkit.model("openai/gpt-6-luna").chat("hello")
    assert reply.text == "You said: hello" and reply.cost_usd is None
