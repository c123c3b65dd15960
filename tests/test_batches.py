"""Many answers in one batch: in the order of the questions, at a price of their own, kept in the file that map resumes."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from pathlib import Path

import pytest

import ftkit
from ftkit import clock
from ftkit.errors import (
    JobTimeout,
    ProviderError,
    StorageError,
    Unanswered,
)
from ftkit.testing import HostedProvider
from ftkit.types import Batch, Reply
from tests.batch_desk import DAY, LOOK, QUESTIONS, batch
from tests.hosted import configure, virtual


def test_the_answers_come_in_the_order_of_the_questions(provider: HostedProvider) -> None:
    one = batch().wait(60)
    assert [reply.text.rpartition(": ")[2] for reply in one.replies()] == QUESTIONS
    assert (one.status, one.raw_status, one.error) == ("succeeded", "succeeded", None)
    assert (one.counts.done, one.counts.failed, one.counts.total) == (6, 0, 6)
    assert one.model == "fake/small"
    assert [index for index, _ in one.answers()] == list(range(6))


def test_what_it_cost_is_what_the_provider_has_charged(provider: HostedProvider) -> None:
    one = batch()
    assert one.cost_usd is None or one.status == "succeeded"
    one.wait(60)
    assert one.cost_usd == Decimal(provider.counts()["usd"]) > 0
    assert one.cost_usd == sum(reply.cost_usd or 0 for reply in one.replies())
    (normal,) = ftkit.model("fake/small").map(QUESTIONS[:1], max_tokens=20)
    assert one.replies()[0].cost_usd == (normal.cost_usd or 0) / 2


def test_it_never_costs_more_than_was_said_before_it_was_sent(provider: HostedProvider) -> None:
    one = batch(max_tokens=2, max_cost_usd="0.01").wait(60)
    assert one.cost_usd is not None and one.max_cost_usd is not None
    assert one.cost_usd == one.max_cost_usd  # each answer was cut at its limit
    assert {reply.finish_reason for reply in one.replies()} == {"length"}


def test_a_running_batch_has_no_answers_yet(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    virtual(tmp_path, monkeypatch, provider)
    provider.set(batch_seconds=7200)
    one = batch()
    for ask in (one.replies, lambda: list(one.answers()), lambda: one.save(tmp_path / "out")):
        with pytest.raises(ProviderError, match="still queued, 0 of 6 answered; wait"):
            ask()
    assert one.cost_usd is None
    with pytest.raises(JobTimeout, match="still queued after 60 s; it goes on"):
        one.wait(60)
    clock.sleep(3600)
    assert one.status == "running"
    assert one.wait(DAY).status == "succeeded"
    assert len(one.replies()) == 6


def test_who_waits_for_hours_looks_once_a_minute(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    virtual(tmp_path, monkeypatch, provider)
    provider.set(batch_seconds=6 * 3600)
    batch().wait()
    assert provider.counts()["requests"][LOOK] < 6 * 60 + 200


def test_an_outage_is_waited_through(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    virtual(tmp_path, monkeypatch, provider)
    provider.set(batch_seconds=3600)
    one = batch()
    provider.fault(LOOK, "reply", status=503, body="{}", times=30)
    assert one.wait(DAY).status == "succeeded"


def test_asyncio_has_twins_of_what_blocks(provider: HostedProvider) -> None:
    async def ask() -> Batch:
        started = await ftkit.model("fake/small").abatch(QUESTIONS, max_tokens=20)
        return await started.wait_async(60)

    assert len(asyncio.run(ask()).replies()) == 6


def test_a_schema_reads_the_answers_back(
    provider: HostedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ftkit.testing.fake_backend import backend as plugin

    opened = plugin.open(plugin.settings(), Path("home"))
    lacks = {name: why for name, why in opened.lacks.items() if name != "schema"}
    monkeypatch.setattr("ftkit.models.handle.open_backend", lambda *_: _with(opened, lacks))
    schema = {"type": "string"}
    one = batch(schema=schema, allow_unpriced=True).wait(60)
    again = ftkit.batch(one.key)
    for handle in (one, again):
        assert {reply.schema["type"] for reply in handle.replies()} == {"string"}


def _with(opened: object, lacks: object) -> object:
    from dataclasses import replace

    return replace(opened, lacks=lacks)  # type: ignore[type-var]


# --- some rows without an answer ---


def test_an_expired_batch_names_the_rows_and_map_asks_only_for_those(
    provider: HostedProvider, tmp_path: Path
) -> None:
    provider.set(batch_answers=4)
    one = batch().wait(60)
    assert (one.status, one.counts.done, one.counts.failed) == ("expired", 4, 2)
    with pytest.raises(Unanswered, match="2 of 6 questions have no answer.*save.*map") as missing:
        one.replies()
    assert [fault.row for fault in missing.value.faults] == [5, 6]
    assert "row 5: the time of the batch was over" in str(missing.value)
    given = dict(one.answers())
    assert isinstance(given[0], Reply)
    assert given[5] == "the time of the batch was over"
    assert batch().key == one.key  # what was answered is not paid for again
    out = one.save(tmp_path / "answers.jsonl")
    half = Decimal(provider.counts()["usd"])
    chats = provider.counts()["chats"]
    replies = ftkit.model("fake/small").map(QUESTIONS, out=out, max_tokens=20)
    assert [reply.replayed for reply in replies] == [True] * 4 + [False] * 2
    assert provider.counts()["chats"] == chats + 2
    assert Decimal(provider.counts()["usd"]) > half
    assert one.cost_usd == half
    assert [reply.text.rpartition(": ")[2] for reply in replies] == QUESTIONS


def test_the_file_is_written_as_map_writes_it(provider: HostedProvider, tmp_path: Path) -> None:
    ours, its = tmp_path / "batch.jsonl", tmp_path / "map.jsonl"
    batch().wait(60).save(ours)
    ftkit.model("fake/small").map(QUESTIONS, out=its, max_tokens=20)
    assert ours.read_bytes() == its.read_bytes()


def test_saving_twice_and_after_map_adds_nothing(provider: HostedProvider, tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    ftkit.model("fake/small").map(QUESTIONS[:2], out=out, max_tokens=20)
    one = batch().wait(60)
    one.save(out)
    content = out.read_bytes()
    one.save(out)
    assert out.read_bytes() == content
    assert [json.loads(line)["row"] for line in content.splitlines()] == [1, 2, 3, 4, 5, 6]
    with pytest.raises(StorageError, match="cannot write answers"):
        one.save(tmp_path / "no" / "folder.jsonl")


def test_map_does_not_take_the_answers_to_other_questions(
    provider: HostedProvider, tmp_path: Path
) -> None:
    out = batch().wait(60).save(tmp_path / "answers.jsonl")
    for options in ({"max_tokens": 21}, {"temperature": 0.5, "max_tokens": 20}):
        replies = ftkit.model("fake/small").map(QUESTIONS, out=out, **options)
        assert not any(reply.replayed for reply in replies)


# --- cancelling ---


def test_cancelling_is_asked_for_once_and_an_ended_batch_stays(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    virtual(tmp_path, monkeypatch, provider)
    provider.set(batch_seconds=60)
    one = batch()
    one.cancel()
    one.cancel()
    assert provider.counts()["requests"]["POST /v1/batches/ID/cancel"] == 1
    done = batch(QUESTIONS[:2]).wait(DAY)
    done.cancel()
    assert done.status == "succeeded"


def test_an_interrupt_leaves_it_running_and_says_how_to_go_on(
    provider: HostedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.set(batch_seconds=3600)
    one = batch()

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(clock, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt) as caught:
        one.wait()
    (said,) = caught.value.__notes__
    assert said.startswith(f"batch {one.key}: it goes on; the same call waits for it again")
    assert f"`ftkit batches cancel {one.key}` stops it" in said
    assert one.status in ("queued", "running")


def test_two_names_of_one_account_find_one_batch(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch)
    path = tmp_path / "user.toml"
    path.write_text('[providers.fake]\nbackend = "fake"\n[providers.other]\nbackend = "fake"\n')
    assert batch().id == batch(model="other/small").id
    assert provider.counts()["batches"] == 1
