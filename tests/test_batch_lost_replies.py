"""A batch whose start gets no answer: one request, one batch, found by its key, or unsettled until somebody can tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit.backend import NotSent
from ftkit.errors import ConfigError, NotFound, OutcomeUnknown, ProviderError
from ftkit.testing import HostedProvider
from ftkit.types import Batch
from tests.hosted import configure, virtual

START = "POST /v1/batches"
QUESTIONS = ["where is my parcel?", "who pays for it?"]
SORRY = '{"error": {"code": "internal", "message": "sorry"}}'
LOST: dict[str, dict[str, Any]] = {
    "dropped": {"action": "close"},
    "reset": {"action": "reset"},
    "half a body": {"action": "half"},
    "500 after accept": {"action": "reply", "status": 500, "body": SORRY},
    "timeout after accept": {"action": "hang", "seconds": 1.0},
    "502 of a proxy": {"action": "reply", "status": 502, "body": "<html>bad gateway</html>"},
}


def batch() -> Batch:
    return ftkit.model("fake/small").batch(QUESTIONS, max_tokens=20)


def unsettled(provider: HostedProvider, **order: Any) -> Batch:
    """A batch that was started, whose answer was lost, and that the provider does not list."""
    provider.set(unlisted=True)
    provider.fault(START, "close", **{"process": True, **order})
    with pytest.raises(OutcomeUnknown, match="may be billed.*ftkit batches settle") as caught:
        batch()
    assert caught.value.exit_code == 4
    provider.clear_faults()
    (one,) = ftkit.batches()
    return one


@pytest.mark.parametrize("lag", [0, 120])
@pytest.mark.parametrize("way", LOST)
def test_a_lost_reply_is_adopted_not_repeated(
    way: str,
    lag: int,
    provider: HostedProvider,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configure(tmp_path, monkeypatch, listing_lag_s=lag, timeout_s=0.3)
    virtual(tmp_path, monkeypatch, provider)
    provider.set(listing_lag=lag)
    fault = dict(LOST[way])
    provider.fault(START, fault.pop("action"), process=True, **fault)
    one = batch()
    counts = provider.counts()
    assert (counts["requests"][START], counts["batches"]) == (1, 1)
    assert counts["batch_keys"] == {one.key: 1}
    assert any("found by its key" in line.detail for line in one.history())
    assert len(one.wait(3600).replies()) == 2


def test_one_that_stays_unlisted_is_unsettled_and_settled_later(provider: HostedProvider) -> None:
    one = unsettled(provider)
    assert (one.id, one.last_seen.state) == (None, "unsettled")
    for ask in (one.wait, one.replies, one.settle, batch):
        with pytest.raises(OutcomeUnknown, match="may be billed"):
            ask()
    provider.set(unlisted=False)
    assert one.settle().id is not None
    assert batch().id == one.id
    assert provider.counts()["requests"][START] == 1


def test_the_same_call_settles_it_too(provider: HostedProvider) -> None:
    one = unsettled(provider)
    provider.set(unlisted=False)
    assert batch().key == one.key
    assert len(one.wait(60).replies()) == 2
    assert provider.counts()["batches"] == 1


def test_it_is_bound_by_hand_to_what_the_providers_page_shows(provider: HostedProvider) -> None:
    one = unsettled(provider)
    with pytest.raises(NotFound, match="no batch 'batch-9'; nothing was changed"):
        one.settle(adopt="batch-9")
    with pytest.raises(ConfigError, match="either --adopt ID or --not-created"):
        one.settle(adopt="batch-1", not_created=True)
    assert one.settle(adopt="batch-1").id == "batch-1"
    assert len(one.wait(60).replies()) == 2


def test_it_is_not_bound_to_other_work(provider: HostedProvider) -> None:
    other = ftkit.model("fake/small").batch(["another"], max_tokens=20)
    provider.set(unlisted=True)
    provider.fault(START, "close", process=True)
    with pytest.raises(OutcomeUnknown):
        batch()
    one = ftkit.batches()[0]
    with pytest.raises(ConfigError, match=f"belongs to batch {other.key} already"):
        one.settle(adopt=str(other.id))


def test_not_created_closes_it_unless_the_provider_lists_it(provider: HostedProvider) -> None:
    one = unsettled(provider, process=False)
    one.settle(not_created=True)
    assert (one.status, one.raw_status, one.last_seen.state) == ("failed", "not created", "closed")
    provider.set(unlisted=False)
    again = batch()
    assert again.key != one.key
    assert provider.counts()["batches"] == 1


def test_not_created_is_not_believed_where_the_provider_has_it(provider: HostedProvider) -> None:
    one = unsettled(provider)
    provider.set(unlisted=False)
    assert one.settle(not_created=True).id == "batch-1"


def test_a_cancel_of_one_that_is_not_found_is_carried_out_once_it_is(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    virtual(tmp_path, monkeypatch, provider)
    provider.set(batch_seconds=3600)
    one = unsettled(provider)
    one.cancel()
    assert provider.counts()["requests"].get("POST /v1/batches/ID/cancel", 0) == 0
    provider.set(unlisted=False)
    one.settle()
    assert one.status == "cancelled"


def test_where_nobody_listens_nothing_was_sent_and_the_same_call_sends_it_later(
    provider: HostedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ftkit.testing.fake_backend.client import Client

    def away(self: Client, path: str, body: Any, key: str) -> Any:
        raise NotSent("nothing was sent")

    with monkeypatch.context() as patch:
        patch.setattr(Client, "create", away)
        with pytest.raises(NotSent):
            batch()
    (one,) = ftkit.batches()
    with pytest.raises(ProviderError, match="prepared and never sent; the same call sends it"):
        one.wait()
    assert batch().key == one.key
    assert provider.counts()["batches"] == 1


def test_a_prepared_one_is_cancelled_without_a_request(
    provider: HostedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.fault("POST /v1/files", "reply", status=403, body="{}")
    with pytest.raises(ftkit.errors.FtkitError):
        batch()
    (one,) = ftkit.batches()
    one.cancel()
    assert (one.status, one.last_seen.state) == ("cancelled", "closed")
    assert batch().key != one.key


def test_a_repeated_start_is_harmless_where_the_provider_heeds_the_key(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, idempotent=True)
    provider.set(idempotent=True, unlisted=True)
    provider.fault(START, "close", process=True)
    batch()
    counts = provider.counts()
    assert (counts["requests"][START], counts["batches"]) == (2, 1)


def test_two_that_carry_one_key_are_told(
    provider: HostedProvider,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    one = unsettled(provider)
    from ftkit.config import settings
    from ftkit.models.batch_settling import batching_at, with_file

    batching = batching_at("fake", settings())
    batching.start(with_file(one._ledger, batching, one.last_seen))
    provider.set(unlisted=False)
    one.settle()
    assert one.id == "batch-1"
    assert "exists twice: batch-1 is used, batch-2 is billed too" in caplog.text
