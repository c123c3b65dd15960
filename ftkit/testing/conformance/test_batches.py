"""Batches: many questions, sent once, answered under the numbers they were sent with, at a price of their own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftkit.backend import (
    Answer,
    Backend,
    Batches,
    Batching,
    BatchPricing,
    BatchRequest,
    BatchStatus,
    Concealed,
    Inference,
    ModelRecord,
    OutcomeUnknown,
    Refused,
    RemoteBatch,
)
from ftkit.errors import NotFound
from ftkit.testing.conformance.subject import Faults, Subject
from ftkit.testing.conformance.work import Work, question

ASKED = [question(f"Where is parcel number {number}?") for number in range(5)]


@pytest.fixture
def batching(inference: Inference) -> Batching:
    """The batches of the backend under test; only asked for where it does not lack them."""
    assert isinstance(inference, Batches)
    return inference.batches


@pytest.fixture
def record(subject: Subject, inference: Inference) -> ModelRecord:
    """The base, as a model to ask."""
    return inference.record(subject.base)


@pytest.fixture
def faults(subject: Subject) -> Iterator[Faults]:
    """Orders to the provider, taken back at the end."""
    if subject.faults is None:
        pytest.skip("the subject orders no faults of its provider")
    yield subject.faults
    subject.faults.clear()


def request(label: str, work: Work, batching: Batching, record: ModelRecord) -> BatchRequest:
    """A batch of the questions under the label's key, its file at the provider."""
    rows = [batching.encode(record, index, call) for index, call in enumerate(ASKED)]
    content = b"".join(row + b"\n" for row in rows)
    path: Path = work.folder / hashlib.sha256(content).hexdigest()
    path.write_bytes(content)
    upload = batching.upload(path, path.name)
    assert batching.still_there(upload)
    return BatchRequest(work.key(label), record, upload, len(ASKED))


def ended(work: Work, subject: Subject, batching: Batching, id: str) -> RemoteBatch:
    """The batch once it has ended."""
    return work.until(
        f"batch {id} to end",
        lambda: batching.get(id),
        lambda remote: remote.status.final,
        subject.timeout_s,
        batching.poll_s,
    )


@pytest.mark.judges("batch")
def test_each_question_is_answered_under_its_own_number(
    work: Work, subject: Subject, inference: Inference, batching: Batching, record: ModelRecord
) -> None:
    """The answers are those of `chat`; whatever order they come in, none is taken for another's."""
    ready = request("answered", work, batching, record)
    assert batching.find(ready.key) == []
    made = batching.start(ready)
    remote = ended(work, subject, batching, made.id)
    assert (remote.status, remote.done, remote.failed) == (BatchStatus.SUCCEEDED, len(ASKED), 0)
    assert remote.total == len(ASKED)
    found = dict(batching.answers(made.id))
    assert sorted(found) == list(range(len(ASKED)))
    for index, call in enumerate(ASKED):
        one = found[index]
        assert isinstance(one, Answer)
        assert one.text == inference.chat(record, call).text
        assert one.usage.input_tokens > 0 and one.usage.output_tokens > 0
    listed = work.listed(batching.listing_lag_s, lambda: batching.find(ready.key))
    assert [one.id for one in listed] == [made.id]
    if subject.witness is not None:
        assert subject.witness.batches()[ready.key] == 1


@pytest.mark.judges("batch")
def test_no_answer_is_longer_than_was_said_before(batching: Batching, record: ModelRecord) -> None:
    """Who sets a budget is told the most that a call reads and writes; never more is written than the call allows."""
    for call in ASKED:
        most = batching.longest(record, call)
        assert most is not None, "a plain question of text can be counted"
        assert most.input_tokens > 0
        assert most.output_tokens == call.max_tokens


@pytest.mark.judges("batch")
def test_a_question_is_one_line_of_json(batching: Batching, record: ModelRecord) -> None:
    """A row that breaks its line would be two questions, or none."""
    row = batching.encode(record, 0, question("two\nlines\r\nand \u2028 one"))
    assert b"\n" not in row and b"\r" not in row
    assert isinstance(json.loads(row), dict)


@pytest.mark.judges("batch")
def test_batches_have_limits_and_a_price(
    backend: Backend, batching: Batching, record: ModelRecord
) -> None:
    """Limits name their source; the rates are rows of the catalogue."""
    assert batching.limits.requests > 0 and batching.limits.bytes > 0 and batching.limits.source
    assert isinstance(backend.pricing, BatchPricing)
    rates = backend.pricing.batch_rates(record)
    if rates is not None:
        assert {rates.input, rates.output} <= set(backend.catalogue.rates)


@pytest.mark.judges("batch")
def test_a_batch_whose_reply_is_lost_is_not_repeated(
    work: Work,
    subject: Subject,
    batching: Batching,
    record: ModelRecord,
    faults: Faults,
) -> None:
    """OutcomeUnknown after one request: the batch exists, and is found by its key, at its end at the latest."""
    ready = request("lost batch", work, batching, record)
    faults.lose_reply("batch")
    with pytest.raises(OutcomeUnknown):
        batching.start(ready)
    faults.clear()

    def find() -> list[RemoteBatch]:
        try:
            return batching.find(ready.key, ready.rows)
        except Concealed:
            return []

    assert len(work.listed(batching.listing_lag_s + subject.timeout_s, find)) == 1
    if subject.witness is not None:
        assert subject.witness.batches()[ready.key] == 1


@pytest.mark.judges("batch")
def test_a_batch_that_runs_is_never_said_not_to_be_there(
    work: Work, subject: Subject, batching: Batching, record: ModelRecord
) -> None:
    """It is found, or among those of which the search cannot tell: an empty list would have it paid for once more."""
    ready = request("running batch", work, batching, record)
    with subject.slowly():
        made = batching.start(ready)
    try:
        listed = work.listed(batching.listing_lag_s, lambda: batching.find(ready.key, ready.rows))
    except Concealed as error:
        listed = error.candidates
    assert made.id in [one.id for one in listed]
    batching.cancel(made.id)
    ended(work, subject, batching, made.id)
    assert [one.id for one in batching.find(ready.key, ready.rows)] == [made.id]


@pytest.mark.judges("batch")
def test_a_batch_that_is_refused_starts_nothing(
    work: Work, batching: Batching, record: ModelRecord, faults: Faults
) -> None:
    """Refused, with the provider's code and words."""
    ready = request("refused batch", work, batching, record)
    faults.refuse("batch")
    with pytest.raises(Refused) as refusal:
        batching.start(ready)
    assert refusal.value.code and refusal.value.message
    assert batching.find(ready.key) == []


@pytest.mark.judges("batch")
def test_a_batch_is_cancelled_and_one_that_has_ended_stays_as_it_is(
    work: Work, subject: Subject, batching: Batching, record: ModelRecord
) -> None:
    """Cancelling is asked for as often as one likes."""
    with subject.slowly():
        made = batching.start(request("cancelled batch", work, batching, record))
        batching.cancel(made.id)
    remote = ended(work, subject, batching, made.id)
    assert remote.status in (BatchStatus.CANCELLED, BatchStatus.SUCCEEDED)
    batching.cancel(made.id)
    assert batching.get(made.id).status is remote.status


@pytest.mark.judges("batch")
def test_an_unknown_batch_is_not_found(batching: Batching) -> None:
    """NotFound, not an empty batch."""
    with pytest.raises(NotFound):
        batching.get("batch_nobody")
