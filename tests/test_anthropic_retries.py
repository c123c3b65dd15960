"""A question to Claude that was turned away is asked again, one whose reply was lost once more, and a storm ends in an error.

As test_openai_retries has it, with what is Anthropic's own: 529, an error in the middle of a stream, retry-after.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit import clock, patience
from ftkit.backend import Answer, Call, Inference, LostReply, Refused, Unavailable
from ftkit.data.example import Message
from ftkit.errors import AuthError
from tests import asked_ways
from tests.anthropic_desk import ASK, HAIKU, MODEL, NOON
from tests.asked_ways import WAYS
from tests.emulators.anthropic import AnthropicEmulator

pytest_plugins = ("tests.anthropic_fixtures",)

ASKED = Call((Message("user", "question 1"),))
WHOLE = ["chat", "achat", "chat_many"]
LOST = asked_ways.lost("api_error")
AT_NOON = datetime.fromisoformat(NOON)
QUESTIONS = [f"number {n}" for n in range(60)]


@pytest.fixture(autouse=True)
def fresh_budget(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(patience, "_budgets", {})
    yield


def ask(claude_inference: Inference, how: str, call: Call = ASKED) -> Answer:
    return asked_ways.ask(claude_inference, claude_inference.record(HAIKU), how, call)


def asked(claude: AnthropicEmulator) -> int:
    return int(claude.counts()["requests"].get(ASK, 0))


def seconds() -> float:
    return (clock.now() - AT_NOON).total_seconds()


@pytest.mark.parametrize(
    ("code", "how"),
    [("rate_limit_error", "chat"), *(("overloaded_error", way) for way in WAYS)],
)
def test_a_question_that_was_turned_away_is_asked_again_and_answered_once(
    code: str, how: str, claude: AnthropicEmulator, claude_inference: Inference
) -> None:
    claude.refuse(ASK, code, times=2)
    answer = ask(claude_inference, how)
    assert (answer.text, answer.lost) == ("You said: question 1", 0)
    assert (asked(claude), claude.counts()["messages"]) == (3, 1)


@pytest.mark.parametrize("how", ["chat", "astream", "chat_many"])
@pytest.mark.parametrize("wish", [15, AT_NOON + timedelta(seconds=40)], ids=["seconds", "date"])
def test_the_providers_own_wish_is_waited_for(
    wish: int | datetime, how: str, claude: AnthropicEmulator, claude_inference: Inference
) -> None:
    claude.refuse(ASK, "rate_limit_error", retry_after=wish)
    ask(claude_inference, how)
    least = wish if isinstance(wish, int) else 40
    assert least <= seconds() < least + 10


@pytest.mark.parametrize("how", ["chat", "astream"])
def test_one_question_is_asked_three_times_and_no_more(
    how: str, claude: AnthropicEmulator, claude_inference: Inference
) -> None:
    claude.refuse(ASK, "overloaded_error", times=None, retry_after=7)
    with pytest.raises(Unavailable, match="asked 3 times") as busy:
        ask(claude_inference, how)
    assert (asked(claude), busy.value.retry_after_s) == (3, 7)


@pytest.mark.parametrize("how", ["chat", "astream"])
@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("billing_error", Refused),
        ("authentication_error", AuthError),
        ("permission_error", AuthError),
        ("request_too_large", Refused),
        ("invalid_request_error", Refused),
    ],
)
def test_what_waiting_does_not_mend_is_not_asked_again(
    code: str,
    error: type[Exception],
    how: str,
    claude: AnthropicEmulator,
    claude_inference: Inference,
) -> None:
    claude.refuse(ASK, code)
    with pytest.raises(error):
        ask(claude_inference, how)
    assert asked(claude) == 1


def test_an_empty_account_is_told_what_to_do(
    claude: AnthropicEmulator, claude_inference: Inference
) -> None:
    claude.set(funds="empty")
    with pytest.raises(Refused, match="no credit left"):
        ask(claude_inference, "chat")


@pytest.mark.parametrize(("name", "how"), [*zip(LOST, itertools.cycle(WHOLE), strict=False)])
def test_a_lost_reply_is_asked_for_once_more_and_told(
    name: str, how: str, claude: AnthropicEmulator, claude_inference: Inference
) -> None:
    claude.fault(ASK, **LOST[name])
    answer = ask(claude_inference, how)
    assert (answer.text, answer.lost) == ("You said: question 1", 1)
    assert asked(claude) == 2


@pytest.mark.parametrize("how", WHOLE)
def test_a_reply_that_is_lost_twice_is_an_error_that_speaks_of_money(
    how: str, claude: AnthropicEmulator, claude_inference: Inference
) -> None:
    claude.fault(ASK, "close", process=True, times=None)
    with pytest.raises(LostReply, match="may have been answered, and billed.*third time"):
        ask(claude_inference, how)
    assert (asked(claude), claude.counts()["messages"]) == (2, 2)


@pytest.mark.parametrize("how", ["stream", "astream"])
@pytest.mark.parametrize("action", ["close", "half", "reset"])
def test_a_broken_stream_is_never_repeated(
    action: str, how: str, claude: AnthropicEmulator, claude_inference: Inference
) -> None:
    claude.reply_with("word " * 50)
    claude.fault(ASK, action, process=True)
    with pytest.raises(LostReply, match="a stream is not repeated"):
        ask(claude_inference, how)
    assert asked(claude) == 1


@pytest.mark.parametrize("how", ["stream", "astream"])
@pytest.mark.parametrize("code", ["overloaded_error", "api_error"])
def test_an_error_in_the_middle_of_a_stream_is_a_lost_reply_though_its_status_was_200(
    code: str, how: str, claude: AnthropicEmulator, claude_inference: Inference
) -> None:
    reply: dict[str, Any] = {"content": "word " * 50, "breaks": {"after": 4, "code": code}}
    claude.reply_with(reply)
    with pytest.raises(LostReply, match="may have been answered, and billed"):
        ask(claude_inference, how)
    assert asked(claude) == 1


def test_a_storm_ends_a_map_with_hardly_more_questions_and_keeps_what_came(
    claude: AnthropicEmulator, tmp_path: Path
) -> None:
    out = tmp_path / "answers.jsonl"
    claude.refuse(ASK, "overloaded_error", skip=30, times=None)
    with pytest.raises(Unavailable, match="used up until it answers again.*30 answers are kept"):
        ftkit.model(MODEL).map(QUESTIONS, out=out)
    claude.clear_faults()
    (tmp_path / "now").write_text("2026-11-27T14:00:00+00:00")
    replies = ftkit.model(MODEL).map(QUESTIONS, out=out)
    assert [reply.text for reply in replies] == [f"You said: {text}" for text in QUESTIONS]
    assert claude.counts()["messages"] == len(QUESTIONS)
    assert asked(claude) <= 1.4 * len(QUESTIONS)
