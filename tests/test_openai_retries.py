"""A question that was turned away is asked again, one whose reply was lost once more, and a storm ends in an error.

Each test counts what the emulator was asked. To ask again after 429 or 503 is free; a reply that was lost may have been
paid for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import ftkit
from ftkit import clock, patience
from ftkit.asking import Asking, Pace
from ftkit.backend import Answer, Call, Inference, LostReply, Refused, Unavailable
from ftkit.data.example import Message
from ftkit.errors import BudgetError
from tests import asked_ways
from tests.asked_ways import WAYS
from tests.emulators.openai import OpenAIEmulator
from tests.openai_desk import BASE, CHAT, MODEL, NOON, configure, it_is, opened, tuned

pytest_plugins = ("tests.openai_fixtures",)

RESPONSES = "POST /v1/responses"
ASKED = Call((Message("user", "question 1"),))
QUESTIONS = [f"number {n}" for n in range(200)]
AT_NOON = datetime.fromisoformat(NOON)


@pytest.fixture(autouse=True)
def fresh_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_budgets", {})


@pytest.fixture
def inference(emulator: OpenAIEmulator) -> Inference:
    part = opened().inference
    assert part is not None
    return part


def ask(inference: Inference, how: str, call: Call = ASKED) -> Answer:
    return asked_ways.ask(inference, inference.record(BASE), how, call)


def asked(emulator: OpenAIEmulator, route: str = CHAT) -> int:
    """How many questions arrived."""
    return int(emulator.counts()["requests"].get(route, 0))


def seconds() -> float:
    return (clock.now() - AT_NOON).total_seconds()


# --- turned away ---


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("code", ["rate_limit_exceeded", "server_is_overloaded"])
def test_a_question_that_was_turned_away_is_asked_again_and_answered_once(
    code: str, how: str, emulator: OpenAIEmulator, inference: Inference
) -> None:
    emulator.refuse(CHAT, code, times=2)
    answer = ask(inference, how)
    assert (answer.text, answer.lost) == ("You said: question 1", 0)
    assert (asked(emulator), emulator.counts()["chats"]) == (3, 1)


@pytest.mark.parametrize("how", WAYS)
def test_so_it_is_through_responses(
    how: str, emulator: OpenAIEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, api="responses")
    inference = opened().inference
    assert inference is not None
    emulator.refuse(RESPONSES, "rate_limit_exceeded", times=2)
    assert ask(inference, how).text == "You said: question 1"
    assert (asked(emulator, RESPONSES), emulator.counts()["responses"]) == (3, 1)


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("wish", [15, AT_NOON + timedelta(seconds=40)], ids=["seconds", "date"])
def test_the_providers_own_wish_is_waited_for(
    wish: int | datetime, how: str, emulator: OpenAIEmulator, inference: Inference
) -> None:
    emulator.refuse(CHAT, "rate_limit_exceeded", retry_after=wish)
    ask(inference, how)
    least = wish if isinstance(wish, int) else 40
    assert least <= seconds() < least + 10


@pytest.mark.parametrize("how", ["chat", "stream", "achat", "astream"])
def test_one_question_is_asked_three_times_and_no_more(
    how: str, emulator: OpenAIEmulator, inference: Inference
) -> None:
    emulator.refuse(CHAT, "server_is_overloaded", times=None, retry_after=7)
    with pytest.raises(Unavailable, match="asked 3 times") as busy:
        ask(inference, how)
    assert asked(emulator) == 3
    assert busy.value.retry_after_s == 7


@pytest.mark.parametrize("how", ["chat", "stream", "achat", "astream"])
def test_nobody_waits_for_longer_than_the_questions_own_timeout(
    how: str, emulator: OpenAIEmulator, inference: Inference
) -> None:
    emulator.refuse(CHAT, "rate_limit_exceeded", times=None, retry_after=31)
    with pytest.raises(Unavailable, match="later than its timeout"):
        ask(inference, how, Call(ASKED.messages, timeout_s=30))
    assert (asked(emulator), seconds()) == (1, 0)


@pytest.mark.parametrize("how", WAYS)
def test_an_empty_account_is_not_asked_again(
    how: str, emulator: OpenAIEmulator, inference: Inference
) -> None:
    emulator.set(quota="insufficient")
    with pytest.raises(Refused, match="no credit left"):
        ask(inference, how)
    assert asked(emulator) == 1


@pytest.mark.parametrize("how", WAYS)
def test_what_never_left_this_machine_is_sent_again(
    how: str, inference: Inference, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    with pytest.raises(Unavailable, match="ConnectError") as unsent:
        ask(inference, how)
    assert not isinstance(unsent.value, LostReply)
    tries = patience.budget_of("openai")._tokens
    assert tries == (patience.CAPACITY - 2 if how != "chat_many" else 0)


def test_ten_answers_bring_one_retry_back(emulator: OpenAIEmulator, inference: Inference) -> None:
    budget = patience.budget_of("openai")
    while budget.take():
        pass
    list(inference.chat_many(inference.record(BASE), [ASKED] * 11))
    assert budget.take() and not budget.take()


def test_a_model_is_opened_through_a_short_outage(emulator: OpenAIEmulator) -> None:
    name = tuned().model().record.native
    emulator.refuse("GET /v1/models/ID", "server_is_overloaded", times=2)
    assert ftkit.model(f"openai/{name}").chat("question 1").text == "answer 1"


# --- a reply that was lost ---

LOST = asked_ways.lost("server_error")


@pytest.mark.parametrize("how", ["chat", "achat", "chat_many"])
@pytest.mark.parametrize("name", LOST)
def test_a_lost_reply_is_asked_for_once_more_and_told(
    name: str, how: str, emulator: OpenAIEmulator, inference: Inference
) -> None:
    emulator.fault(CHAT, **LOST[name])
    answer = ask(inference, how)
    assert (answer.text, answer.lost) == ("You said: question 1", 1)
    assert asked(emulator) == 2


@pytest.mark.parametrize("how", ["chat", "achat", "chat_many"])
def test_a_reply_that_is_lost_twice_is_an_error_that_speaks_of_money(
    how: str, emulator: OpenAIEmulator, inference: Inference
) -> None:
    emulator.fault(CHAT, "close", process=True, times=None)
    with pytest.raises(LostReply, match="may have been answered, and billed.*third time"):
        ask(inference, how)
    assert (asked(emulator), emulator.counts()["chats"]) == (2, 2)


@pytest.mark.parametrize("how", ["stream", "astream"])
@pytest.mark.parametrize("action", ["close", "half", "reset"])
def test_a_broken_stream_is_never_repeated(
    action: str, how: str, emulator: OpenAIEmulator, inference: Inference
) -> None:
    emulator.reply_with("word " * 50)
    emulator.fault(CHAT, action, process=True)
    with pytest.raises(LostReply, match="a stream is not repeated"):
        ask(inference, how)
    assert asked(emulator) == 1


def test_a_lost_reply_counts_against_the_budget_of_a_map(
    emulator: OpenAIEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the provider has billed is never more than what was counted."""
    configure(tmp_path, monkeypatch, answers_at_once=1)
    model = ftkit.model(MODEL)
    (one,) = model.map(["number 1"])
    assert one.cost_usd is not None
    limit = one.cost_usd * Decimal("3.5")
    before = Decimal(emulator.counts()["usd"])
    with pytest.raises(BudgetError):
        model.map(["number 1"] * 20, max_cost_usd=limit)
    calm = emulator.counts()["chats"] - 1
    emulator.fault(CHAT, "close", process=True, times=1)
    with pytest.raises(BudgetError, match="have cost"):
        model.map(["number 1"] * 20, max_cost_usd=limit)
    billed = emulator.counts()["chats"] - 1 - calm
    assert billed == calm == 4
    assert Decimal(emulator.counts()["usd"]) - before <= 2 * (limit + one.cost_usd)


# --- storms ---


def storm(
    emulator: OpenAIEmulator, tmp_path: Path, code: str = "rate_limit_exceeded"
) -> tuple[int, Path, str]:
    """A map of 200 rows into half an hour in which every question is turned away: requests, file and error."""
    out = tmp_path / f"answers-{code}.jsonl"
    until = (clock.now() + timedelta(minutes=30)).isoformat()
    before = asked(emulator)
    emulator.refuse(CHAT, code, skip=90, times=None, until=until)
    with pytest.raises(Unavailable) as ended:
        ftkit.model(MODEL).map(QUESTIONS, out=out)
    return asked(emulator) - before, out, str(ended.value)


@pytest.mark.parametrize("code", ["rate_limit_exceeded", "server_is_overloaded"])
def test_a_storm_of_half_an_hour_ends_a_map_with_hardly_more_questions(
    code: str, emulator: OpenAIEmulator, tmp_path: Path
) -> None:
    calm = len(QUESTIONS)
    in_the_storm, out, said = storm(emulator, tmp_path, code)
    assert len(out.read_text().splitlines()) == emulator.counts()["chats"] == 90
    assert "used up until it answers again" in said
    assert f"90 answers are kept in {out}: the same call later asks only for the rest" in said

    it_is("2026-11-24T14:00:00+00:00", tmp_path)
    replies = ftkit.model(MODEL).map(QUESTIONS, out=out)
    assert [reply.text for reply in replies] == [f"You said: {text}" for text in QUESTIONS]
    assert emulator.counts()["chats"] == calm, "no answer was paid for twice"
    print(calm, in_the_storm, asked(emulator))
    assert asked(emulator) <= 1.2 * calm


def test_a_map_without_a_file_is_told_that_there_could_be_one(emulator: OpenAIEmulator) -> None:
    emulator.refuse(CHAT, "rate_limit_exceeded", skip=90, times=None)
    with pytest.raises(Unavailable, match="90 answers had come; with out=FILE"):
        ftkit.model(MODEL).map(QUESTIONS)


def test_the_count_sees_retries_without_a_budget(
    emulator: OpenAIEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A judge that sees nothing proves nothing."""
    configure(tmp_path, monkeypatch, answers_at_once=1)
    monkeypatch.setattr(patience.Budget, "take", lambda self: True)
    monkeypatch.setattr(Asking, "_jitter_s", lambda self: 3.0)
    in_the_storm, _, _ = storm(emulator, tmp_path)
    assert in_the_storm > 1.2 * len(QUESTIONS)


def test_a_map_that_is_turned_away_now_and_then_comes_to_its_end(
    emulator: OpenAIEmulator, tmp_path: Path
) -> None:
    for passed in (40, 80, 120, 160):
        emulator.refuse(CHAT, "rate_limit_exceeded", retry_after=20, skip=passed)
    replies = ftkit.model(MODEL).map(QUESTIONS)
    assert len(replies) == emulator.counts()["chats"] == len(QUESTIONS)
    assert asked(emulator) == len(QUESTIONS) + 4
    assert seconds() >= 4 * 20


def test_the_first_failure_of_a_map_ends_those_who_wait_for_their_turn(
    emulator: OpenAIEmulator, inference: Inference
) -> None:
    emulator.refuse(CHAT, "rate_limit_exceeded", times=None, retry_after=700)
    calls = [Call((Message("user", text),)) for text in QUESTIONS]
    with pytest.raises(Unavailable, match="later than its timeout"):
        list(inference.chat_many(inference.record(BASE), calls))
    assert asked(emulator) <= 8
    assert seconds() < 20, "nobody slept through a wish that is not waited for"


# --- the pace ---


def taking_turns(pace: Pace, work: Callable[[], None], threads: int) -> None:
    def one() -> None:
        with pace.turn():
            work()

    running = [threading.Thread(target=one) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


def test_while_the_provider_wants_to_be_left_alone_nobody_has_a_turn(
    emulator: OpenAIEmulator,
) -> None:
    """One was told so, and all of them wait."""
    pace, begun = Pace(8), []
    pace.refused(20)
    taking_turns(pace, lambda: begun.append(seconds()), 8)
    assert len(begun) == 8 and min(begun) >= 20


def test_refusals_of_those_under_way_together_halve_the_pace_once(
    emulator: OpenAIEmulator, tmp_path: Path
) -> None:
    pace = Pace(8)
    for _ in range(8):
        pace.refused(5)
    assert pace.allowed == 4
    it_is("2026-11-24T12:01:00+00:00", tmp_path)
    pace.refused(5)
    assert pace.allowed == 2
    for _ in range(40):
        pace.answered()
    assert pace.allowed == 3


def test_no_more_than_allowed_have_a_turn_at_once() -> None:
    pace = Pace(3)
    busy: list[int] = []
    most: list[int] = []

    def work() -> None:
        busy.append(1)
        most.append(len(busy))
        threading.Event().wait(0.02)  # long enough for others to come in where nobody stops them
        busy.pop()

    taking_turns(pace, work, 12)
    assert len(most) == 12 and max(most) <= 3


def test_who_waits_for_a_turn_that_will_not_come_is_let_go(emulator: OpenAIEmulator) -> None:
    pace = Pace(1)
    pace.hold(3600)
    pace.close()
    with pytest.raises(CancelledError), pace.turn():
        pytest.fail("nobody has a turn any more")
    assert seconds() < 3600
