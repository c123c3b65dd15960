"""Batches of the emulator: their states on its clock, their results, and how one is found whose create reply was lost."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest

from tests.emulators.anthropic import AnthropicEmulator, driving
from tests.emulators.anthropic.driving import CREATE, Time, ask, body, connect, text_of

server, emulator, client, time = driving.server, driving.emulator, driving.client, driving.time

DAY = 24 * 3600


def rows(count: int = 3, mark: str = "row", **fields: Any) -> Any:
    """Requests of a batch."""
    return [
        {"custom_id": f"{mark}-{at}", "params": body(f"question {at}", **fields)}
        for at in range(count)
    ]


def kinds(client: anthropic.Anthropic, id: str) -> dict[str, str]:
    """How each row ended."""
    return {row.custom_id: row.result.type for row in client.messages.batches.results(id)}


def test_a_batch_takes_its_time_and_its_results_come_in_another_order(
    client: anthropic.Anthropic, emulator: AnthropicEmulator, time: Time
) -> None:
    emulator.set(batch_s=100)
    batch = client.messages.batches.create(requests=rows())
    time.pass_(99)
    batch = client.messages.batches.retrieve(batch.id)
    assert (batch.processing_status, batch.request_counts.processing) == ("in_progress", 3)
    assert batch.results_url is None and batch.ended_at is None
    with pytest.raises(anthropic.AnthropicError, match="No `results_url`"):
        client.messages.batches.results(batch.id)
    assert emulator.counts()["messages"] == 0
    time.pass_(1)
    batch = client.messages.batches.retrieve(batch.id)
    assert (batch.processing_status, batch.request_counts.succeeded) == ("ended", 3)
    found = list(client.messages.batches.results(batch.id))
    assert [row.custom_id for row in found] == ["row-2", "row-1", "row-0"]
    assert found[0].result.type == "succeeded"
    assert text_of(found[0].result.message) == "You said: question 2"
    assert found[0].result.message.usage.service_tier == "batch"
    counts = emulator.counts()
    assert (counts["batches"], counts["batch_requests"], counts["messages"]) == (1, 3, 3)


def test_a_wrong_row_is_an_errored_row_and_no_refused_batch(
    client: anthropic.Anthropic,
) -> None:
    requests = rows(1) + rows(1, "gone", model="claude-none")
    requests += [{"custom_id": "prefill", "params": {**body(), "messages": _prefill()}}]
    batch = client.messages.batches.create(requests=requests)
    results = {row.custom_id: row.result for row in client.messages.batches.results(batch.id)}
    errors = {
        id: result.error.error.type for id, result in results.items() if result.type == "errored"
    }
    assert errors == {"gone-0": "not_found_error", "prefill": "invalid_request_error"}
    assert results["row-0"].type == "succeeded"


def _prefill() -> Any:
    return [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]


def test_a_batch_that_is_cancelled_at_once_has_no_answers(
    client: anthropic.Anthropic, emulator: AnthropicEmulator
) -> None:
    emulator.set(batch_s=100, cancel_s=0)
    id = client.messages.batches.create(requests=rows(2)).id
    client.messages.batches.cancel(id)
    assert kinds(client, id) == {"row-0": "canceled", "row-1": "canceled"}
    assert emulator.counts()["usd"] == "0"


def test_a_cancelled_batch_is_canceling_first_and_keeps_what_was_answered(
    client: anthropic.Anthropic, emulator: AnthropicEmulator, time: Time
) -> None:
    emulator.set(batch_s=100, batch_answers=1, cancel_s=10)
    batch = client.messages.batches.create(requests=rows())
    batch = client.messages.batches.cancel(batch.id)
    assert (batch.processing_status, batch.results_url) == ("canceling", None)
    assert batch.cancel_initiated_at is not None
    with pytest.raises(anthropic.BadRequestError, match="while it is processing"):
        client.messages.batches.delete(batch.id)
    time.pass_(10)
    batch = client.messages.batches.retrieve(batch.id)
    assert (batch.processing_status, batch.request_counts.canceled) == ("ended", 2)
    assert kinds(client, batch.id) == {
        "row-0": "succeeded",
        "row-1": "canceled",
        "row-2": "canceled",
    }
    with pytest.raises(anthropic.BadRequestError, match="already ended"):
        client.messages.batches.cancel(batch.id)


@pytest.mark.parametrize(
    ("settings", "answered"), [({"batch_answers": 2}, 2), ({"batch_s": 1e6}, 0)]
)
def test_what_is_not_answered_after_a_day_expires(
    client: anthropic.Anthropic,
    emulator: AnthropicEmulator,
    time: Time,
    settings: dict[str, Any],
    answered: int,
) -> None:
    emulator.set(**settings)
    batch = client.messages.batches.create(requests=rows())
    time.pass_(DAY - 1)
    assert client.messages.batches.retrieve(batch.id).processing_status == "in_progress"
    time.pass_(1)
    batch = client.messages.batches.retrieve(batch.id)
    assert batch.ended_at == batch.expires_at
    assert (batch.request_counts.succeeded, batch.request_counts.expired) == (
        answered,
        3 - answered,
    )
    assert emulator.counts()["messages"] == answered


def test_results_are_gone_after_29_days(
    client: anthropic.Anthropic, emulator: AnthropicEmulator, time: Time
) -> None:
    id = client.messages.batches.create(requests=rows(1)).id
    time.pass_(29 * DAY - 1)
    assert kinds(client, id) == {"row-0": "succeeded"}
    time.pass_(1)
    batch = client.messages.batches.retrieve(id)
    assert (batch.results_url, batch.archived_at is not None) == (None, True)
    assert ask(emulator, "GET", f"/v1/messages/batches/{id}/results").status == 404


def test_a_deleted_batch_is_gone(client: anthropic.Anthropic, emulator: AnthropicEmulator) -> None:
    id = client.messages.batches.create(requests=rows(1)).id
    client.messages.batches.retrieve(id)
    assert client.messages.batches.delete(id).type == "message_batch_deleted"
    assert client.messages.batches.list().data == []
    with pytest.raises(anthropic.NotFoundError):
        client.messages.batches.retrieve(id)
    assert emulator.counts()["batches"] == 1


def test_batches_are_listed_newest_first_in_pages(client: anthropic.Anthropic) -> None:
    made = [client.messages.batches.create(requests=rows(1)).id for _ in range(5)]
    assert [batch.id for batch in client.messages.batches.list(limit=2)] == made[::-1]
    page = client.messages.batches.list(limit=2, after_id=made[3])
    assert [batch.id for batch in page.data] == [made[2], made[1]]
    assert (page.has_more, page.first_id, page.last_id) == (True, made[2], made[1])
    page = client.messages.batches.list(limit=2, before_id=made[1])
    assert ([batch.id for batch in page.data], page.has_more) == ([made[3], made[2]], True)
    for ends in ({"before_id": made[2]}, {"after_id": made[2]}):
        page = client.messages.batches.list(limit=2, **ends)
        assert (len(page.data), page.has_more) == (2, False)


def test_a_lost_create_is_found_by_its_time_its_size_and_then_its_custom_ids(
    client: anthropic.Anthropic, emulator: AnthropicEmulator, time: Time
) -> None:
    # A batch has no metadata and no name: this is all that the API tells of one.
    emulator.set(batch_s=60)
    client.messages.batches.create(requests=rows(2, "someone-else"))
    time.pass_(10)
    emulator.fault(CREATE, "close", process=True)
    with pytest.raises(anthropic.APIConnectionError):
        client.messages.batches.create(requests=rows(3, "ftk"))
    newest, other = client.messages.batches.list().data
    assert newest.request_counts.processing == 3
    assert newest.created_at > other.created_at
    time.pass_(60)
    assert set(kinds(client, newest.id)) == {"ftk-0", "ftk-1", "ftk-2"}
    assert emulator.counts()["custom_ids"]["ftk-0"] == 1


def test_lists_may_lag_or_show_nothing_or_a_batch_may_be_lost(
    client: anthropic.Anthropic, emulator: AnthropicEmulator, time: Time
) -> None:
    emulator.set(listing_lag_s=30)
    id = client.messages.batches.create(requests=rows(1)).id
    assert client.messages.batches.list().data == []
    assert client.messages.batches.retrieve(id).id == id
    time.pass_(30)
    assert [batch.id for batch in client.messages.batches.list()] == [id]
    emulator.set(unlisted=True)
    assert client.messages.batches.list().data == []
    emulator.lose_batch(id)
    with pytest.raises(anthropic.NotFoundError):
        client.messages.batches.retrieve(id)
    assert emulator.counts()["batches"] == 1


def test_a_workspace_sees_its_own_batches_only() -> None:
    accounts = {"key-a": "org-acme/one", "key-b": "org-acme/two"}
    with AnthropicEmulator(accounts=accounts, now=driving.NOON) as emulator:
        with connect(emulator, key="key-a") as client:
            id = client.messages.batches.create(requests=rows(1)).id
        with connect(emulator, key="key-b") as client:
            assert client.messages.batches.list().data == []
            with pytest.raises(anthropic.NotFoundError):
                client.messages.batches.retrieve(id)


REFUSED: dict[str, tuple[Any, str, int]] = {
    # what is sent, a part of the refusal, how often the types object
    "nothing": ({"requests": []}, "at least 1 item", 0),
    "two of one id": (
        {"requests": rows(1) + rows(1)},
        "requests.1.custom_id: 'row-0' is not unique",
        0,
    ),
    "an id with a space": ({"requests": rows(1, "a b")}, "requests.0.custom_id", 0),
    "an id of 70 letters": ({"requests": rows(1, "a" * 70)}, "requests.0.custom_id", 0),
    "no id": ({"requests": [{"params": body()}]}, "requests.0.custom_id", 1),
    "metadata": ({"requests": rows(1), "metadata": {"key": "1"}}, "metadata: Extra inputs", 1),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_batch_whose_rows_cannot_be_told_apart_is_refused(
    emulator: AnthropicEmulator, case: str
) -> None:
    sent, why, wrong = REFUSED[case]
    seen = ask(emulator, "POST", "/v1/messages/batches", sent)
    assert (seen.status, why in seen.why) == (400, True), seen.why
    assert emulator.counts()["batches"] == 0
    assert len(emulator.take_violations()) == wrong
