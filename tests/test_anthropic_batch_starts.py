"""A batch of Claude is paid once: while one runs nobody can tell whose it is, so a lost one stays open until its end."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit import clock
from ftkit.backend import Concealed, Refused, RemoteBatch
from ftkit.errors import BudgetError, CapabilityError, NotFound, OutcomeUnknown
from ftkit.types import Batch
from ftkit_anthropic.batching import AnthropicBatching
from tests.anthropic_batch_desk import (
    HOUR,
    LIST,
    QUESTIONS,
    RESULTS,
    batch,
    batching,
    of_another,
    started,
)
from tests.anthropic_desk import BATCH, MODEL, batch_keys, configure, it_is
from tests.emulators.anthropic import AnthropicEmulator
from tests.hostile import command, undisturbed

pytest_plugins = ("tests.anthropic_fixtures",)

DAY = 24 * HOUR
SORRY = '{"type": "error", "error": {"type": "api_error", "message": "sorry"}}'
LOST: dict[str, dict[str, Any]] = {
    "dropped": {"action": "close"},
    "500 after accept": {"action": "reply", "status": 500, "body": SORRY},
    "529 after accept": {"action": "reply", "status": 529, "body": SORRY},
    "timeout after accept": {"action": "hang", "seconds": 1.0},
    "half a body": {"action": "half"},
    "200 without an id": {"action": "reply", "status": 200, "body": '{"type": "message_batch"}'},
}


def later(seconds: float, tmp_path: Path) -> None:
    """Let time pass."""
    it_is((clock.now() + timedelta(seconds=seconds)).isoformat(), tmp_path)


def lost(claude: AnthropicEmulator, **order: Any) -> Batch:
    """A batch that runs for an hour, and whose start was not answered."""
    claude.set(batch_s=HOUR)
    claude.fault(BATCH, "close", **{"process": True, **order})
    with pytest.raises(OutcomeUnknown) as caught:
        batch()
    assert caught.value.exit_code == 4
    claude.clear_faults()
    return ftkit.batches()[0]


def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str = "elsewhere") -> None:
    """Go on from another machine, whose ledger is empty."""
    monkeypatch.setenv("FTKIT_HOME", str(tmp_path / name))


# --- a reply that is lost ---


@pytest.mark.parametrize("lag", [0, 120])
@pytest.mark.parametrize("way", LOST)
def test_a_lost_reply_is_adopted_not_repeated_once_the_batch_has_ended(
    way: str, lag: int, claude: AnthropicEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, listing_lag_s=lag, timeout_s=0.5)
    claude.set(batch_s=0.0, listing_lag_s=lag)
    fault = dict(LOST[way])
    claude.fault(BATCH, fault.pop("action"), process=True, **fault)
    one = batch()
    assert started(claude) == 1
    assert batch_keys(claude) == {one.key: 1}
    assert any("found by its key" in line.detail for line in one.history())
    assert len(one.wait(3600).replies()) == 4


@pytest.mark.parametrize("way", LOST)
def test_it_is_unsettled_while_it_runs_and_found_at_its_end(
    way: str, claude: AnthropicEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, timeout_s=0.5)
    claude.set(batch_s=HOUR)
    fault = dict(LOST[way])
    claude.fault(BATCH, fault.pop("action"), process=True, **fault)
    with pytest.raises(
        OutcomeUnknown, match=r"may be billed: .*msgbatch_\w+ \(of 4 questions, .*2026-11-28T12:"
    ):
        batch()
    (one,) = ftkit.batches()
    for ask in (one.wait, one.replies, one.settle, batch):
        with pytest.raises(OutcomeUnknown, match="may be billed"):
            ask()
    assert started(claude) == 1
    later(HOUR, tmp_path)
    assert one.settle().id is not None
    assert batch().key == one.key
    assert len(one.replies()) == 4
    assert batch_keys(claude) == {one.key: 1}


def test_the_same_call_settles_it_too(claude: AnthropicEmulator, tmp_path: Path) -> None:
    one = lost(claude)
    later(HOUR, tmp_path)
    assert batch().key == one.key
    assert started(claude) == 1


@pytest.mark.parametrize("end", ["expired", "canceled"])
def test_it_is_found_however_it_has_ended(
    end: str, claude: AnthropicEmulator, tmp_path: Path
) -> None:
    one = lost(claude)
    if end == "canceled":
        with pytest.raises(OutcomeUnknown) as caught:
            one.settle()
        assert isinstance(caught.value.__cause__, Concealed)
        batching().cancel(caught.value.__cause__.candidates[0].id)
    else:
        claude.set(batch_answers=0)
    later(2 * DAY, tmp_path)
    assert one.settle().id is not None
    assert one.counts.total == 4
    assert started(claude) == 1


def test_one_that_was_lost_weeks_ago_is_found(claude: AnthropicEmulator, tmp_path: Path) -> None:
    """A laptop that was closed over the holidays: results are kept for 29 days."""
    one = lost(claude)
    later(20 * DAY, tmp_path)
    assert one.settle().id is not None
    assert len(one.replies()) == 4


def test_where_nothing_was_made_it_stays_unsettled_until_a_person_says_so(
    claude: AnthropicEmulator,
) -> None:
    one = lost(claude, process=False)
    with pytest.raises(OutcomeUnknown, match="does not list it"):
        one.settle()
    one.settle(not_created=True)
    assert (one.status, one.raw_status) == ("failed", "not created")
    assert batch().key != one.key
    assert len(batch_keys(claude)) == 1


def test_the_sdk_retries_nothing_by_itself(claude: AnthropicEmulator) -> None:
    claude.fault(BATCH, "reply", status=500, body=SORRY, times=None)
    with pytest.raises(OutcomeUnknown):
        batch()
    assert started(claude) == 1


# --- others that run ---


def test_anothers_batch_of_another_size_is_nobodys_lost_one(claude: AnthropicEmulator) -> None:
    claude.set(batch_s=HOUR)
    of_another(claude, 5)
    assert batch().id is not None


def test_anothers_batch_of_the_same_size_holds_a_first_start_until_its_end(
    claude: AnthropicEmulator, tmp_path: Path
) -> None:
    claude.set(batch_s=HOUR)
    theirs = of_another(claude, 4)
    for _ in range(2):
        with pytest.raises(
            OutcomeUnknown, match=rf"not sent from here.*{theirs}.*--not-created.*--adopt"
        ):
            batch()
    assert started(claude) == 1
    (one,) = ftkit.batches()
    assert (one.id, one.last_seen.state) == (None, "prepared")
    later(HOUR, tmp_path)
    assert batch().key == one.key
    assert batch_keys(claude) == {"theirs": 1, one.key: 1}


def test_who_knows_that_it_is_other_work_need_not_wait(claude: AnthropicEmulator) -> None:
    claude.set(batch_s=HOUR)
    of_another(claude, 4)
    with pytest.raises(OutcomeUnknown):
        batch()
    (one,) = ftkit.batches()
    with undisturbed():
        command("batches", "settle", one.key, "--not-created")
    assert batch().key == one.key
    assert batch_keys(claude) == {"theirs": 1, one.key: 1}
    of_another(claude, 4, "newer")
    with pytest.raises(OutcomeUnknown, match="not sent"):
        batch(["another"] * 4)


def test_batches_of_this_ledger_are_known_and_hold_nothing(claude: AnthropicEmulator) -> None:
    claude.set(batch_s=HOUR)
    made = {batch([f"{text} {number}" for text in QUESTIONS]).id for number in range(3)}
    assert len(made) == 3


def test_another_machine_does_not_start_it_again(
    claude: AnthropicEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claude.set(batch_s=HOUR)
    first = batch()
    elsewhere(tmp_path, monkeypatch)
    with pytest.raises(OutcomeUnknown, match="another machine may have started it"):
        batch()
    assert started(claude) == 1
    later(HOUR, tmp_path)
    there = batch()
    assert (there.key, there.id) == (first.key, first.id)
    assert len(there.replies()) == 4
    assert started(claude) == 1


def test_a_search_that_says_there_is_none_while_it_runs_would_be_seen(
    claude: AnthropicEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = AnthropicBatching.find

    def find(self: AnthropicBatching, key: str, rows: int | None = None) -> list[RemoteBatch]:
        try:
            return own(self, key, rows)
        except Concealed:
            return []

    monkeypatch.setattr(AnthropicBatching, "find", find)
    claude.set(batch_s=HOUR)
    first = batch()
    elsewhere(tmp_path, monkeypatch)
    assert batch().id != first.id
    assert batch_keys(claude) == {first.key: 2}  # paid twice


# --- by hand ---


def test_a_running_one_is_bound_by_hand(claude: AnthropicEmulator) -> None:
    one = lost(claude)
    with pytest.raises(NotFound, match="nothing was changed"):
        one.settle(adopt="msgbatch_nobody")
    with pytest.raises(OutcomeUnknown) as caught:
        one.settle()
    assert isinstance(caught.value.__cause__, Concealed)
    one.settle(adopt=caught.value.__cause__.candidates[0].id)
    assert len(one.wait(2 * HOUR).replies()) == 4


@pytest.mark.parametrize("key", ["theirs", "Their_Rows"])
def test_one_that_was_bound_to_other_work_gives_none_of_its_answers(
    key: str, claude: AnthropicEmulator
) -> None:
    one = lost(claude)
    theirs = of_another(claude, 4, key)
    assert one.settle(adopt=theirs).id == theirs
    with pytest.raises(OutcomeUnknown, match=f"{theirs}.*is other work.*key {key}"):
        one.wait(2 * HOUR)
    assert one.last_seen.state == "unsettled"
    assert one.settle().id not in (None, theirs)
    assert len(one.replies()) == 4
    assert batch_keys(claude)[one.key] == 1


def test_not_created_is_a_persons_word_against_one_that_runs(
    claude: AnthropicEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    one = lost(claude, process=False)
    theirs = of_another(claude, 4)
    with pytest.raises(OutcomeUnknown, match=theirs):
        batch()
    one.settle(not_created=True)
    assert f"{theirs}" in caplog.text and "you say that none of them is" in caplog.text
    again = batch()
    assert again.key != one.key
    assert batch_keys(claude) == {"theirs": 1, again.key: 1}


def test_what_was_started_long_before_it_was_sent_is_not_it(
    claude: AnthropicEmulator, tmp_path: Path
) -> None:
    claude.set(batch_s=8 * HOUR, unlisted=True)
    theirs = of_another(claude, 4)
    later(2 * HOUR, tmp_path)
    claude.fault(BATCH, "close", process=False)
    with pytest.raises(OutcomeUnknown):
        batch()
    claude.set(unlisted=False)
    with pytest.raises(OutcomeUnknown, match="does not list it") as caught:
        batch()
    assert theirs not in str(caught.value)


# --- looking ---


def test_only_batches_of_as_many_questions_are_looked_into(claude: AnthropicEmulator) -> None:
    claude.set(batch_s=0.0)
    for rows in (1, 2, 3, 4, 5):
        of_another(claude, rows)
    batch()
    assert claude.counts()["requests"][RESULTS] == 1


def test_it_is_found_behind_many_others(
    claude: AnthropicEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ftkit_anthropic.batching._PAGE", 2)
    claude.set(batch_s=0.0)
    first = batch()
    for _ in range(5):
        of_another(claude, 1)
    before = claude.counts()["requests"][LIST]
    elsewhere(tmp_path, monkeypatch)
    assert batch().id == first.id
    assert claude.counts()["requests"][LIST] == before + 3


def test_of_two_that_bear_one_key_the_oldest_comes_first(claude: AnthropicEmulator) -> None:
    claude.set(batch_s=0.0)
    made = [of_another(claude, 4, "ftktwice") for _ in range(2)]
    assert [one.id for one in batching().find("ftktwice")] == made


def test_what_has_ended_is_looked_into_once(claude: AnthropicEmulator) -> None:
    claude.set(batch_s=0.0)
    of_another(claude, 4)
    part = batching()
    assert [part.find("ftknobody", 4) for _ in range(3)] == [[], [], []]
    assert claude.counts()["requests"][RESULTS] == 1


def test_results_that_are_gone_bear_no_key(claude: AnthropicEmulator, tmp_path: Path) -> None:
    claude.set(batch_s=0.0)
    one = batch().wait(60)
    later(30 * DAY, tmp_path)
    assert batching().find(one.key, 4) == []
    with pytest.raises(NotFound, match="29 days"):
        one.replies()


# --- before anything is sent ---


def test_a_refusal_says_what_to_do_and_starts_nothing(claude: AnthropicEmulator) -> None:
    claude.refuse(BATCH, "billing_error")
    with pytest.raises(Refused, match="see its billing page"):
        batch()
    assert claude.counts()["batches"] == 0
    assert batch().id is not None


def test_a_budget_refuses_before_the_first_request(claude: AnthropicEmulator) -> None:
    with pytest.raises(BudgetError, match="if every answer were as long"):
        batch(max_cost_usd="0.000001")
    with pytest.raises(BudgetError, match="set max_tokens"):
        batch(schema={"type": "object", "properties": {}}, max_cost_usd=100)
    assert claude.counts()["requests"] == {}


def test_the_limits_of_a_batch_are_anthropics(claude: AnthropicEmulator) -> None:
    with pytest.raises(CapabilityError, match="100,000 questions.*100,001"):
        batch(["a"] * 100_001)
    assert claude.counts()["requests"] == {}


def test_its_rows_lie_here_and_are_written_again_where_they_are_gone(
    claude: AnthropicEmulator,
) -> None:
    one = batch()
    file = Path(one.last_seen.request["file"])
    upload = batching().upload(file, file.name)
    assert batching().still_there(upload)
    file.write_bytes(b"{}\n")
    assert not batching().still_there(upload)
    file.unlink()
    assert not batching().still_there(upload)
    assert ftkit.model(MODEL).batch(QUESTIONS, max_tokens=30).key == one.key
    assert batching().still_there(upload)
