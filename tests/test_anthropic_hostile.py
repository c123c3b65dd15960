"""Whatever Anthropic's address answers to a question, it ends in an error of ftkit's own and is taken for no answer.

The answers are those of test_hostile_answers: a sample in the normal run, all of them in the torture run. There is no job
to lose: what is judged are exceptions, memory, the other host and answers made of junk.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

import ftkit
import ftkit.types
from ftkit import patience
from tests.anthropic_desk import ASK, HAIKU, MODEL
from tests.emulators.anthropic import AnthropicEmulator
from tests.faults.fuzzed_answers import FUZZED_ANSWERS, FuzzedAnswer
from tests.faults.stranger import Stranger
from tests.hostile import Said, Trial, called, command, fault_of, peak, undisturbed
from tests.hostile_judging import MOST_MIB

pytest_plugins = ("tests.anthropic_fixtures",)

STEPS = ("get", "create", "events")


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    with Stranger() as server, undisturbed():
        yield server


WAYS: Mapping[str, Callable[[], Said]] = {
    "chat": lambda: command("chat", MODEL, "question 1"),
    "chat, as JSON": lambda: command("chat", MODEL, "question 1", "--json"),
    "achat": lambda: called(lambda: ftkit.model(MODEL).achat("question 1")),
    "astream": lambda: called(_streamed),
}


def asked(claude: AnthropicEmulator) -> int:
    return int(claude.counts()["requests"].get(ASK, 0))


async def _streamed() -> list[str]:
    return [piece async for piece in ftkit.model(MODEL).astream("question 1")]


def complaints(
    claude: AnthropicEmulator, name: str, order: dict[str, Any], ways: Sequence[str] = tuple(WAYS)
) -> list[str]:
    """What was not an error of ftkit's own, or took too much memory."""
    patience._budgets.clear()
    claude.clear_faults()
    claude.fault(ASK, times=None, **order)
    trial, before = Trial(name, "ask", ""), asked(claude)
    with peak(trial):
        trial.hostile += [WAYS[way]() for way in ways]
    wrong = [f"{name}: {said}" for said in trial.foreign]
    wrong += [f"{name}: exit code {one.code}" for one in trial.hostile if one.code not in (1, 2, 3)]
    if asked(claude) < before + len(ways):
        wrong.append(f"{name}: not all of the ways came to ask")
    if trial.peak_mib > MOST_MIB:
        wrong.append(f"{name}: {trial.peak_mib:.0f} MiB")
    return wrong


def judged(
    answers: Sequence[FuzzedAnswer], claude: AnthropicEmulator, stranger: Stranger
) -> list[str]:
    wrong = []
    for answer in answers:
        order = fault_of(answer, f"{claude.url}/v1/messages", stranger.port)
        order["part"] = 0.5 if order["action"] == "half" else 1.0
        order["action"] = "raw"
        wrong += complaints(claude, answer.name, order)
    return [*wrong, *(f"to the other host: {one}" for one in stranger.requests)]


def test_a_sample_of_hostile_answers_ends_in_errors_of_ftkits_own(
    claude: AnthropicEmulator, stranger: Stranger
) -> None:
    answers = [one for one in FUZZED_ANSWERS if one.on == "get"]
    assert judged(answers[:: max(1, len(answers) // 8)], claude, stranger) == []


@pytest.mark.torture
@pytest.mark.parametrize("step", STEPS)
def test_all_hostile_answers_end_in_errors_of_ftkits_own(
    step: str, claude: AnthropicEmulator, stranger: Stranger
) -> None:
    answers = [one for one in FUZZED_ANSWERS if one.on == step]
    print(f"\n{len(answers)} answers in four ways each")
    assert judged(answers, claude, stranger) == []


def test_a_client_that_takes_junk_for_an_answer_is_seen(
    claude: AnthropicEmulator, stranger: Stranger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A judge that sees nothing proves nothing."""
    monkeypatch.setattr("ftkit_anthropic.wire.items", lambda reply, field: [])
    monkeypatch.setattr("ftkit_anthropic.wire.text", lambda reply, field: "end_turn")
    monkeypatch.setattr("ftkit_anthropic.wire.usage", lambda reply: ftkit.types.Usage(1, 1))
    order = {"action": "reply", "status": 200, "body": "{}"}
    assert complaints(claude, "an empty object", order) != []


MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": HAIKU,
    "content": [{"type": "text", "text": "x"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 1},
}
ODD_MESSAGES: Mapping[str, dict[str, Any]] = {
    "no content": {"content": None},
    "content that is a text": {"content": "hello"},
    "a block that is a text": {"content": ["hello"]},
    "a number for text": {"content": [{"type": "text", "text": 7}]},
    "a call without a name": {"content": [{"type": "tool_use", "id": "a", "input": {}}]},
    "a call whose input is a text": {
        "content": [{"type": "tool_use", "id": "a", "name": "b", "input": "{}"}]
    },
    "no end": {"stop_reason": None},
    "an end that is a number": {"stop_reason": 7},
    "no usage": {"usage": None},
    "tokens that are text": {"usage": {"input_tokens": "3", "output_tokens": 1}},
    "a cache that is a text": {
        "usage": {"input_tokens": 3, "output_tokens": 1, "cache_read_input_tokens": "all"}
    },
}
BEGUN = json.dumps({"type": "message_start", "message": MESSAGE})
START = f"event: message_start\ndata: {BEGUN}\n\n"
PIECE = (
    "event: content_block_delta\n"
    'data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}}\n\n'
)
STOP = 'event: message_stop\ndata: {"type": "message_stop"}\n\n'
ODD_STREAMS: Mapping[str, str] = {
    "nothing": "",
    "only the end": STOP,
    "no JSON": "event: message_start\ndata: {\n\n",
    "a number": "event: message_start\ndata: 7\n\n",
    "an empty object": "event: message_start\ndata: {}\n\n",
    "an event nobody knows": 'event: x-new\ndata: {"type": "x-new"}\n\n',
    "an error": START + 'event: error\ndata: {"type": "error", "error": {"message": "sorry"}}\n\n',
    "an error that is a text": START + "event: error\ndata: sorry\n\n",
    "a number for text": START + PIECE.replace('"x"', "7") + STOP,
    "a piece of a call that never began": START
    + PIECE.replace("text_delta", "input_json_delta")
    + STOP,
    "broken off": START + PIECE,
    "an end without a reason": START + PIECE + STOP,
    "very many pieces and no end": START + PIECE * 5000,
}


@pytest.mark.parametrize("odd", ODD_MESSAGES)
def test_a_message_with_an_odd_field_is_an_error_of_ftkits_own(
    odd: str, claude: AnthropicEmulator, stranger: Stranger
) -> None:
    body = json.dumps(MESSAGE | ODD_MESSAGES[odd])
    order = {"action": "raw", "status": 200, "body": body}
    assert complaints(claude, odd, order, ["chat, as JSON"]) == []


@pytest.mark.parametrize("odd", ODD_STREAMS)
def test_a_stream_that_is_odd_is_an_error_of_ftkits_own(
    odd: str,
    claude: AnthropicEmulator,
    stranger: Stranger,
    recwarn: pytest.WarningsRecorder,
) -> None:
    headers = {"Content-Type": "text/event-stream"}
    order = {"action": "raw", "status": 200, "headers": headers, "body": ODD_STREAMS[odd]}
    assert complaints(claude, odd, order, ["chat", "astream"]) == []
    assert [str(one.message) for one in recwarn if one.category is UserWarning] == []  # by the SDK
