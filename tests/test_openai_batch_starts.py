"""A batch at OpenAI is made once, found again, and refused before the first request where it could cost too much."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit import clock
from ftkit.backend import Refused
from ftkit.errors import (
    BudgetError,
    CapabilityError,
    OutcomeUnknown,
)
from tests.emulators.openai import OpenAIEmulator
from tests.openai_batch_desk import LIST, START, batch, batching
from tests.openai_desk import MODEL, UPLOAD, configure, it_is, opened

pytest_plugins = ("tests.openai_fixtures",)

SORRY = '{"error": {"message": "sorry", "type": "server_error", "code": "server_error"}}'
LOST: dict[str, dict[str, Any]] = {
    "dropped": {"action": "close"},
    "500 after accept": {"action": "reply", "status": 500, "body": SORRY},
    "timeout after accept": {"action": "hang", "seconds": 1.0},
    "half a body": {"action": "half"},
    "200 without an id": {"action": "reply", "status": 200, "body": '{"status": "validating"}'},
    "a batch that exists": {
        "action": "reply",
        "status": 409,
        "body": '{"error": {"message": "This batch already exists", "code": "duplicate"}}',
    },
}


# --- one batch ---


@pytest.mark.parametrize("lag", [0, 120])
@pytest.mark.parametrize("way", LOST)
def test_a_lost_reply_is_adopted_not_repeated(
    way: str, lag: int, emulator: OpenAIEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, listing_lag_s=lag, timeout_s=0.5)
    emulator.set(listing_lag_s=lag)
    fault = dict(LOST[way])
    emulator.fault(START, fault.pop("action"), process=True, **fault)
    one = batch()
    counts = emulator.counts()
    assert (counts["requests"][START], counts["batches"]) == (1, 1)
    assert counts["batch_metadata"] == {"ftkit_key": {one.key: 1}}
    assert any("found by its key" in line.detail for line in one.history())
    assert len(one.wait(3600).replies()) == 5


def test_one_that_stays_unlisted_is_unsettled_and_settled_later(emulator: OpenAIEmulator) -> None:
    emulator.set(unlisted=True)
    emulator.fault(START, "close", process=True)
    with pytest.raises(OutcomeUnknown, match="may be billed"):
        batch()
    (one,) = ftkit.batches()
    emulator.set(unlisted=False)
    assert one.settle().id is not None
    assert batch().id == one.id
    assert emulator.counts()["requests"][START] == 1


def test_the_sdk_retries_nothing_by_itself(emulator: OpenAIEmulator) -> None:
    emulator.fault(START, "reply", status=500, body=SORRY, times=None)
    with pytest.raises(OutcomeUnknown):
        batch()
    assert emulator.counts()["requests"][START] == 1


def test_it_is_found_behind_many_others(
    emulator: OpenAIEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenAI filters its list of batches by nothing, so all pages are walked."""
    first = batch()
    (sent,) = [line.detail for line in first.history() if line.what == "uploaded"]
    others = {"input_file_id": sent.partition(",")[0], "endpoint": "/v1/chat/completions"}
    client = batching()._client
    for _ in range(120):
        client.read(
            START,
            lambda sdk: sdk.batches.with_raw_response.create(**others, completion_window="24h"),
        )
    before = emulator.counts()["requests"][LIST]
    monkeypatch.setenv("FTKIT_HOME", str(tmp_path / "elsewhere"))
    assert batch().id == first.id
    assert emulator.counts()["requests"][LIST] == before + 2


def test_a_refusal_names_the_file_that_stays_and_it_is_used_again(emulator: OpenAIEmulator) -> None:
    emulator.refuse(START, "insufficient_quota")
    with pytest.raises(Refused, match=r"no credit left.*the file file-\w+ stays at OpenAI"):
        batch()
    assert batch().wait(60).counts.done == 5
    counts = emulator.counts()
    assert (counts["requests"][UPLOAD], counts["batches"]) == (1, 1)


def test_a_running_batch_is_cancelled_and_the_next_call_makes_another(
    emulator: OpenAIEmulator, tmp_path: Path
) -> None:
    emulator.set(batch_s=3600.0)
    first = batch()
    assert (first.status, first.raw_status) == ("queued", "validating")
    clock.sleep(2000)
    assert (first.status, first.raw_status) == ("running", "in_progress")
    first.cancel()
    assert first.status == "cancelled"
    first.cancel()
    assert emulator.counts()["requests"]["POST /v1/batches/ID/cancel"] == 1
    assert batch().wait(7200).counts.done == 5
    assert emulator.counts()["batches"] == 2


def test_a_status_that_nobody_knows_is_kept_and_not_final(
    emulator: OpenAIEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    emulator.set(batch_s=3600.0)
    one = batch()
    emulator.fault("GET /v1/batches/ID", "patch", fields={"status": "pondering"}, times=2)
    assert (one.status, one.raw_status) == ("other", "pondering")
    assert "'pondering' about a batch, a status that ftkit does not know" in caplog.text
    assert one.wait(7200).status == "succeeded"
    emulator.take_violations()


# --- before anything is sent ---


@pytest.mark.parametrize(
    "options",
    [
        {"extra": {"max_completion_tokens": None}},
        {"extra": {"service_tier": "priority"}},
        {"extra": {"reasoning_effort": "high"}},
        {"schema": {"type": "object", "properties": {}}},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]},
    ],
    ids=["no max_tokens", "another price", "more tokens", "a schema", "a tool"],
)
def test_a_budget_refuses_what_nobody_can_tell_before(
    options: dict[str, Any], emulator: OpenAIEmulator
) -> None:
    model = ftkit.model(MODEL)
    before = emulator.counts()["requests"]
    with pytest.raises(BudgetError, match="set max_tokens"):
        model.batch(["a"], max_cost_usd=100, **options)
    assert emulator.counts()["requests"] == before == {}
    assert model.batch(["a"], max_cost_usd=100, allow_unpriced=True, **options).max_cost_usd is None


def test_several_answers_to_a_question_are_in_the_bound(emulator: OpenAIEmulator) -> None:
    emulator.set(tokens="o200k")
    one = batch(["say " + "parrot " * 50], max_tokens=4, extra={"n": 3}, max_cost_usd=1).wait(60)
    assert one.max_cost_usd == Decimal(emulator.counts()["usd"])


def test_a_budget_refuses_before_the_first_request(emulator: OpenAIEmulator) -> None:
    with pytest.raises(BudgetError, match="could cost 4.9e-05 USD if every answer were as long"):
        batch(max_cost_usd="0.00001")
    assert emulator.counts()["requests"] == {}


def test_a_model_whose_price_is_not_known_has_to_be_allowed(emulator: OpenAIEmulator) -> None:
    model = ftkit.model("openai/gpt-6-luna")
    before = emulator.counts()["requests"]
    with pytest.raises(BudgetError, match="not known; pass allow_unpriced=True"):
        model.batch(["a"])
    assert emulator.counts()["requests"] == before
    assert model.batch(["a"], allow_unpriced=True).wait(60).cost_usd is None


def test_the_limits_of_a_batch_are_openais(emulator: OpenAIEmulator) -> None:
    with pytest.raises(CapabilityError, match="50,000 questions.*50,001.*API reference"):
        batch(["a"] * 50_001)
    limits = batching().limits
    assert (limits.requests, limits.bytes) == (50_000, 200_000_000)
    assert emulator.counts()["requests"] == {}


def test_a_model_that_is_switched_off_takes_no_batch_and_an_older_one_can_still_be_read(
    emulator: OpenAIEmulator, tmp_path: Path
) -> None:
    one = batch().wait(60)
    it_is("2027-01-14T00:00:00+00:00", tmp_path)
    with pytest.raises(ftkit.errors.LifecycleError, match="is gone"):
        batch(["another"])
    assert len(ftkit.batch(one.key).replies()) == 5


def test_batch_prices_stand_in_the_catalogue_with_source_and_date() -> None:
    backend = opened()
    assert backend.pricing is not None
    for base in ("gpt-4.1", "gpt-4.1-mini", "gpt-4o", "gpt-4o-mini"):
        for kind in ("tuned", "base"):
            for use in ("input", "output"):
                rate = backend.catalogue.rates[f"{base}.{kind}.batch.{use}"]
                assert rate.usd is not None and rate.source and rate.as_of
    # the pricing page of September 2026: more than half of the tuned price
    assert backend.catalogue.rates["gpt-4o.tuned.batch.output"].usd == Decimal("12.5")
