"""Batches in the ledger: one of the version before is opened with nothing lost, and a damaged one keeps its batches."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

import ftkit
from ftkit.backend import BatchStatus
from ftkit.errors import NotFound, OutcomeUnknown
from ftkit.ledger import Ledger, State, Verb, meta, migrations, new_intent
from ftkit.ledger.sealing import Tables
from ftkit.testing import HostedProvider
from tests.batch_desk import QUESTIONS, START, batch
from tests.ledgers import add, ask, fill

JOBS = 24


def of_the_version_before(home: Path) -> None:
    """A full ledger as it was written before there were batches."""
    ledger = Ledger(home)
    fill(ledger, JOBS)
    del ledger
    plain = sqlite3.connect(home / "ledger.sqlite", isolation_level=None)
    plain.execute("DROP TABLE batches")
    plain.execute("DROP TABLE deployments")
    plain.execute("PRAGMA user_version = 2")
    meta.keep_shape(Tables(plain))
    as_then = sqlite3.connect(":memory:", isolation_level=None)
    for step in migrations.MIGRATIONS[:2]:
        step(as_then)
    assert meta.shape(plain) == meta.shape(as_then)
    plain.close()
    as_then.close()


def schema(home: Path) -> int:
    plain = sqlite3.connect(home / "ledger.sqlite")
    found = int(plain.execute("PRAGMA user_version").fetchone()[0])
    plain.close()
    return found


def test_a_ledger_of_the_version_before_is_opened_with_nothing_lost(home: Path) -> None:
    of_the_version_before(home)
    assert schema(home) == 2
    plain = sqlite3.connect(home / "ledger.sqlite")
    before = {
        table: plain.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall()
        for table in ("intents", "jobs", "names", "uploads", "history")
    }
    plain.close()
    ledger = Ledger(home)
    assert len(ledger.jobs()) == JOBS
    assert ledger.batches.all() == []
    assert ledger.rebuilt_at is None
    assert schema(home) == len(migrations.MIGRATIONS)
    plain = sqlite3.connect(home / "ledger.sqlite")
    for table, rows in before.items():
        assert plain.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall() == rows, table
    plain.close()
    (copy,) = home.glob("ledger.sqlite.schema2.*.backup")
    assert copy.stat().st_size > 0
    assert ask(ledger, JOBS) == ask(Ledger(home), JOBS)


def test_a_batch_goes_into_a_ledger_of_the_version_before(
    home: Path, provider: HostedProvider
) -> None:
    of_the_version_before(home)
    one = batch().wait(60)
    assert len(one.replies()) == len(QUESTIONS)
    assert len(ftkit.jobs()) == JOBS


def test_what_the_ledger_says_of_a_batch_is_what_was_written(home: Path) -> None:
    table = Ledger(home).batches
    intent = new_intent(
        "ftkaaaaaaaaaaaaa1", Verb.BATCH, instance="fake", scope="s", subject="k", usd=Decimal("0.5")
    )
    request = {"rows": 3, "record": {"native": "small"}}
    table.prepare(intent, "work", request)
    table.prepare(intent, "other", {})  # the first one stays
    row = table.get(intent.key)
    assert (row.work, row.request, row.model, row.usd) == (
        "work",
        request,
        "fake/small",
        Decimal("0.5"),
    )
    assert (row.state, row.status, row.raw_status) == (
        State.PREPARED,
        BatchStatus.QUEUED,
        "prepared",
    )
    table.change(intent.key, status="running", raw_status="going", done=2, cost_usd="0.25")
    row = table.get(intent.key)
    assert (row.status, row.done, row.cost_usd) == (BatchStatus.RUNNING, 2, Decimal("0.25"))
    assert [line.what for line in Ledger(home).history(intent.key)] == [
        "batch prepared",
        "running (going)",
    ]
    with pytest.raises(NotFound):
        table.change("nobody", status="running")


def test_a_batch_whose_row_was_lost_with_a_damaged_page_is_written_again(
    home: Path, provider: HostedProvider
) -> None:
    one = batch().wait(60)
    plain = sqlite3.connect(home / "ledger.sqlite")
    plain.execute("DELETE FROM batches")
    plain.commit()
    plain.close()
    again = batch()
    assert (again.key, again.id) == (one.key, one.id)
    assert provider.counts()["batches"] == 1


def test_an_unsettled_batch_whose_row_was_lost_is_settled_and_not_sent_again(
    home: Path, provider: HostedProvider
) -> None:
    provider.set(unlisted=True)
    provider.fault(START, "close", process=True)
    with pytest.raises(OutcomeUnknown):
        batch()
    plain = sqlite3.connect(home / "ledger.sqlite")
    plain.execute("DELETE FROM batches")
    plain.commit()
    plain.close()
    with pytest.raises(OutcomeUnknown):
        batch()
    provider.set(unlisted=False)
    assert batch().id == "batch-1"
    assert provider.counts()["requests"][START] == 1


def test_a_rebuilt_ledger_keeps_its_batches_and_doubts_what_was_not_sent(
    home: Path, provider: HostedProvider
) -> None:
    one = batch().wait(60)
    ledger = Ledger(home)
    add(ledger, "ftkother1")
    del ledger
    plain = sqlite3.connect(home / "ledger.sqlite", isolation_level=None)
    plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    plain.execute("UPDATE jobs SET plan = '{}' WHERE id = 'ftkother1'")  # its seal fits no more
    plain.close()
    with pytest.raises(NotFound):
        ftkit.job("ftkother1")
    assert Ledger(home).rebuilt_at is not None
    kept = ftkit.batch(one.key)
    assert (kept.id, kept.status, len(kept.replies())) == (one.id, "succeeded", len(QUESTIONS))


def test_an_unsettled_batch_is_a_notice_of_the_doctor(
    provider: HostedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ftkit_local.hardware.devices", list)
    provider.set(unlisted=True)
    provider.fault(START, "close", process=True)
    with pytest.raises(OutcomeUnknown):
        batch()
    (one,) = ftkit.batches()
    said = [(r.what, r.todo) for r in ftkit.doctor(offline=True).remarks if one.key in r.what]
    ((what, mend),) = said
    assert f"batch {one.key} was sent to fake and the answer was lost: it may be billed" in what
    assert "(at most 0." in what
    assert mend == f"ftkit batches settle {one.key}"


def test_seals_of_batches_notice_a_change_from_outside(
    home: Path, provider: HostedProvider
) -> None:
    batch().wait(60)
    plain = sqlite3.connect(home / "ledger.sqlite")
    plain.execute("UPDATE batches SET request = '{}'")
    plain.commit()
    with pytest.raises(Exception, match="changed from outside"):
        Tables(plain).read("batches")
    plain.close()
