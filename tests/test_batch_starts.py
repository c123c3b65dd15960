"""A batch is made once and found again from anywhere; what it may not cost or do is refused before the first request."""

from __future__ import annotations

import pickle
from decimal import Decimal
from pathlib import Path

import pytest

import ftkit
from ftkit.backend import Refused
from ftkit.errors import (
    BudgetError,
    CapabilityError,
    ConfigError,
    DataError,
    NotFound,
    Unanswered,
)
from ftkit.testing import HostedProvider, fake
from tests.batch_desk import DAY, QUESTIONS, START, batch
from tests.hosted import virtual

# --- the same batch again ---


def test_the_same_call_again_attaches(
    provider: HostedProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="ftkit")
    first = batch()
    again = batch()
    assert (again.key, again.id) == (first.key, first.id)
    assert f"attached to batch {first.key}, which asks the same" in caplog.text
    assert batch(max_tokens=21).key != first.key
    assert batch(QUESTIONS[::-1]).key != first.key
    assert batch(model="fake/medium").key != first.key
    assert provider.counts()["requests"][START] == 4


def test_another_home_finds_the_batch_by_one_look_before_it_starts_any(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = batch()
    monkeypatch.setenv("FTKIT_HOME", str(tmp_path / "elsewhere"))
    with pytest.raises(NotFound, match="ftkit batches"):
        ftkit.batch(first.key)
    found = batch()
    assert (found.key, found.id) == (first.key, first.id)
    assert [reply.text for reply in found.wait(60).replies()] == [
        reply.text for reply in first.wait(60).replies()
    ]
    assert provider.counts()["batches"] == 1


def test_a_later_process_opens_it_by_its_key_or_its_id(provider: HostedProvider) -> None:
    one = batch().wait(60)
    for word in (one.key, one.id, f"fake/{one.id}"):
        assert word is not None
        assert ftkit.batch(word).replies() == one.replies()
    with pytest.raises(NotFound):
        ftkit.batch("fake/batch-99")
    unpickled = pickle.loads(pickle.dumps(one))
    assert (unpickled.key, unpickled.replies()) == (one.key, one.replies())


def test_all_batches_are_listed_the_newest_first(provider: HostedProvider) -> None:
    assert ftkit.batches() == []
    keys = [batch(QUESTIONS[:number]).key for number in (1, 2, 3)]
    assert [one.key for one in ftkit.batches()] == keys[::-1]


def test_a_batch_of_another_ledger_is_not_taken_where_the_provider_ignores_the_key(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ftkit.testing.fake_backend.batching import FakeBatching, _remote

    first = batch()
    monkeypatch.setattr(
        FakeBatching,
        "find",
        lambda self, key, rows=None: [_remote(r) for r in self._client.pages("/v1/batches")],
    )
    assert batch(QUESTIONS[:2]).key != first.key
    assert provider.counts()["batches"] == 2


def test_the_ledger_may_be_lost(provider: HostedProvider, home: Path) -> None:
    first = batch()
    for file in home.glob("ledger*"):
        file.unlink()
    assert batch().id == first.id
    assert provider.counts()["batches"] == 1


def test_one_that_was_cancelled_without_an_answer_is_made_anew(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    virtual(tmp_path, monkeypatch, provider)
    provider.set(batch_seconds=60)
    first = batch()
    first.cancel()
    assert first.status == "cancelled"
    with pytest.raises(Unanswered, match="6 of 6 questions have no answer"):
        first.replies()
    again = batch()
    assert (again.key[:-1], again.key[-1]) == (first.key[:-1], "2")
    assert again.wait(DAY).counts.done == 6
    assert batch().key == again.key
    monkeypatch.setenv("FTKIT_HOME", str(tmp_path / "elsewhere"))
    assert batch().id == again.id  # past the first attempt, which has ended
    assert provider.counts()["batches"] == 2


def test_a_refused_start_is_said_and_may_be_tried_again(provider: HostedProvider) -> None:
    body = '{"error": {"code": "bad_request", "message": "not today"}}'
    provider.fault(START, "reply", status=400, body=body)
    with pytest.raises(Refused, match="not today"):
        batch()
    (refused,) = ftkit.batches()
    assert (refused.status, refused.raw_status) == ("failed", "refused")
    assert "not today" in str(refused.error)
    assert batch().wait(60).counts.done == 6
    counts = provider.counts()
    assert (counts["batches"], counts["files"]) == (1, 1)  # the file was there still


# --- before anything is sent ---


def requests(provider: HostedProvider) -> int:
    return sum(provider.counts()["requests"].values())


def test_a_budget_refuses_before_the_first_request(provider: HostedProvider, home: Path) -> None:
    with pytest.raises(
        BudgetError, match="could cost 9.6e-05 USD.* more than max_cost_usd=0.00001"
    ):
        batch(max_cost_usd="0.00001")
    assert requests(provider) == 0
    assert not (home / "uploads").exists()


def test_the_profiles_budget_holds_too(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "user.toml"
    path.write_text("[profiles.default]\nmax_cost_usd = '0.00001'\n")
    monkeypatch.setenv("FTKIT_CONFIG", str(path))
    with pytest.raises(BudgetError):
        batch()
    assert requests(provider) == 0
    assert batch(max_cost_usd=1).wait(60).counts.done == 6


def test_the_bound_is_what_is_read_and_the_longest_answers(provider: HostedProvider) -> None:
    read, written = 4 * len(QUESTIONS), 20 * len(QUESTIONS)
    most = (read * Decimal("0.25") + written * Decimal("0.75")) / 1_000_000
    with pytest.raises(BudgetError):
        batch(max_cost_usd=most - Decimal("0.0000001"))
    assert batch(max_cost_usd=most).max_cost_usd == most


def test_a_batch_that_is_there_is_not_refused_by_a_smaller_budget(provider: HostedProvider) -> None:
    first = batch(max_cost_usd=1)
    assert batch(max_cost_usd="0.00000001").key == first.key


def test_a_bound_that_cannot_be_told_is_refused_where_there_is_a_budget(
    provider: HostedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ftkit.testing.fake_backend.batching import FakeBatching

    monkeypatch.setattr(FakeBatching, "longest", lambda *_: None)
    with pytest.raises(BudgetError, match="set max_tokens"):
        batch(max_cost_usd=100)
    assert requests(provider) == 0
    assert batch(max_cost_usd=100, allow_unpriced=True).max_cost_usd is None
    assert batch(QUESTIONS[:1]).max_cost_usd is None  # no budget: the price of a token is known


def test_an_unknown_price_has_to_be_allowed(provider: HostedProvider) -> None:
    with pytest.raises(BudgetError, match="not known; pass allow_unpriced=True"):
        batch(model="fake/unpriced")
    assert requests(provider) == 0
    one = batch(model="fake/unpriced", allow_unpriced=True).wait(60)
    assert (one.cost_usd, one.max_cost_usd) == (None, None)
    assert {reply.cost_usd for reply in one.replies()} == {None}


def test_what_costs_nothing_needs_no_budget(provider: HostedProvider) -> None:
    one = batch(model="fake/free", max_cost_usd=0).wait(60)
    assert one.cost_usd == 0 == Decimal(provider.counts()["usd"])


def test_the_providers_limits_are_checked_before_the_upload(
    provider: HostedProvider, home: Path
) -> None:
    with pytest.raises(CapabilityError, match="1,000 questions.*these are 1,001.*hosted_server"):
        batch([str(number) for number in range(1001)])
    with pytest.raises(CapabilityError, match="1,000,000 bytes.*several batches"):
        batch(["x" * 1_000_001])
    with pytest.raises(DataError, match="nothing to answer"):
        batch([])
    assert requests(provider) == 0
    assert not list((home / "uploads").glob("*"))


def test_an_option_that_bounds_nothing_is_refused(provider: HostedProvider) -> None:
    with pytest.raises(ConfigError, match="timeout_s bounds no answer"):
        batch(timeout_s=5)
    with pytest.raises(CapabilityError, match="cannot do 'schema'"):
        batch(schema={"type": "object"})
    assert requests(provider) == 0


@pytest.mark.parametrize("model", ["fake-answers/echo", "fake-runs/tiny"])
def test_a_backend_without_batches_refuses_by_name(model: str) -> None:
    with pytest.raises(CapabilityError, match="cannot do 'batch': .*answers at once"):
        batch(model=model)


def test_fake_has_no_batches() -> None:
    with fake(["x"]), pytest.raises(CapabilityError, match="HostedProvider"):
        batch(model="any/model")


def test_the_questions_lie_on_disk_for_their_owner_only(
    provider: HostedProvider, home: Path
) -> None:
    batch()
    files = list((home / "uploads").iterdir())
    assert files and {file.stat().st_mode & 0o777 for file in files} == {0o600}
