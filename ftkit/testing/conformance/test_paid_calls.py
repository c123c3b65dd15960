"""The calls that cost money: one request each, and exactly one of three outcomes where there is no answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from ftkit.backend import (
    Backend,
    Hosting,
    Inference,
    Listing,
    NotSent,
    OutcomeUnknown,
    Pricing,
    Refused,
    Remote,
    Training,
    Unavailable,
)
from ftkit.config import Settings
from ftkit.registry import open_backend
from ftkit.testing.conformance.subject import Faults, Subject
from ftkit.testing.conformance.work import Work

WISH_S = 7.0


@pytest.fixture
def faults(subject: Subject) -> Iterator[Faults]:
    """Orders to the provider, taken back at the end."""
    if subject.faults is None:
        pytest.skip("the subject orders no faults of its provider")
    yield subject.faults
    subject.faults.clear()


@pytest.mark.judges("submit")
def test_a_create_is_one_request(
    work: Work, subject: Subject, pricing: Pricing, training: Training
) -> None:
    """Who creates twice pays twice."""
    if subject.witness is None:
        pytest.skip("nobody counts what the provider creates")
    ready = work.request("counted", pricing, training)
    remote = training.submit(ready)
    assert subject.witness.jobs()[ready.key] == 1
    training.cancel(remote.id)


@pytest.mark.judges("submit")
def test_a_create_whose_reply_is_lost_is_not_repeated(
    work: Work, subject: Subject, pricing: Pricing, training: Training, faults: Faults
) -> None:
    """OutcomeUnknown after one request: the job exists, and is found by its key."""
    ready = work.request("lost", pricing, training)
    faults.lose_reply("submit")
    with pytest.raises(OutcomeUnknown):
        training.submit(ready)
    faults.clear()
    found = work.listed(training.listing_lag_s, lambda: training.find(ready.key))
    assert len(found) == 1
    if subject.witness is not None:
        assert subject.witness.jobs()[ready.key] == 1
    training.cancel(found[0].id)


@pytest.mark.judges("submit")
def test_a_create_that_is_refused_says_why_and_creates_nothing(
    work: Work, subject: Subject, pricing: Pricing, training: Training, faults: Faults
) -> None:
    """Refused, with the provider's code and words."""
    ready = work.request("refused", pricing, training)
    faults.refuse("submit")
    with pytest.raises(Refused) as refusal:
        training.submit(ready)
    assert refusal.value.code and refusal.value.message
    assert training.find(ready.key) == []
    if subject.witness is not None:
        assert subject.witness.jobs().get(ready.key, 0) == 0


@pytest.mark.judges("submit")
def test_a_create_that_reaches_nobody_was_not_sent(
    work: Work, subject: Subject, pricing: Pricing, training: Training, settings: Settings
) -> None:
    """NotSent where no byte left; a read of the same provider is Unavailable."""
    ready = work.request("unsent", pricing, training)
    away = _unreachable(subject, settings).training
    assert away is not None
    with pytest.raises(NotSent):
        away.submit(ready)
    with pytest.raises(Unavailable):
        away.find(ready.key)


@pytest.mark.judges("get", "find", "events", "cancel")
@pytest.mark.parametrize("read", ["get", "find", "events", "listing", "cancel"])
def test_a_busy_provider_is_unavailable_with_its_own_wish(
    read: str, training: Training, finished: Remote, faults: Faults
) -> None:
    """A read asks once; the core tries again, and not before the provider's time."""
    if read == "listing" and not isinstance(training, Listing):
        pytest.skip("the backend has no listing")
    faults.unavailable(1, WISH_S)
    with pytest.raises(Unavailable) as busy:
        _read(training, read, finished.id)
    assert busy.value.retry_after_s == pytest.approx(WISH_S, abs=1)
    _read(training, read, finished.id)


@pytest.mark.judges("start")
def test_a_start_whose_reply_is_lost_is_not_repeated(
    work: Work, subject: Subject, hosting: Hosting, inference: Inference, faults: Faults
) -> None:
    """A second deployment would be billed by the hour until somebody sees it."""
    key = work.key("lost deployment")
    faults.lose_reply("start")
    with pytest.raises(OutcomeUnknown):
        hosting.start(inference.record(subject.dedicated or subject.base), key)
    faults.clear()
    found = work.listed(hosting.listing_lag_s, lambda: hosting.find(key))
    assert len(found) == 1
    if subject.witness is not None:
        assert subject.witness.deployments()[key] == 1
    hosting.stop(found[0].id)


@pytest.mark.judges("start")
def test_a_start_that_is_refused_starts_nothing(
    work: Work, subject: Subject, hosting: Hosting, inference: Inference, faults: Faults
) -> None:
    """Refused, and nothing runs."""
    key = work.key("refused deployment")
    faults.refuse("start")
    with pytest.raises(Refused):
        hosting.start(inference.record(subject.dedicated or subject.base), key)
    assert hosting.find(key) == []


def _unreachable(subject: Subject, settings: Settings) -> Backend:
    if subject.unreachable is None:
        pytest.skip("the subject's provider cannot be out of reach")
    sections = {"out-of-reach": dict(subject.unreachable)}
    return open_backend("out-of-reach", replace(settings, providers=sections))


def _read(training: Training, read: str, id: str) -> None:
    match read:
        case "get":
            training.get(id)
        case "find":
            training.find("ftkaaaaaaaaaaaaa1")
        case "events":
            list(training.events(id, 0))
        case "listing":
            assert isinstance(training, Listing)
            list(training.listing())
        case _:
            training.cancel(id)
