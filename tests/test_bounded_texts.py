"""What a provider says at any length stays short in the ledger and in events, and says that it was cut."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

import ftkit
from ftkit.ledger import Ledger
from ftkit.ledger.sealing import seal
from ftkit.testing import HostedProvider
from ftkit.words import shortened
from tests.hosted import ROWS

LONG = "no, no and no; " * 100_000
EVENTS = "GET /v1/jobs/ID/events"


@pytest.fixture
def job(provider: HostedProvider) -> ftkit.types.Job:
    provider.set(run_seconds=600)
    return ftkit.submit(ROWS, "fake/small")


def test_a_text_that_fits_stays_as_it_is() -> None:
    for text in ("", "short", "x" * 2000):
        assert shortened(text) is text


def test_a_text_that_does_not_keeps_its_beginning_and_says_how_long_it_was() -> None:
    cut = shortened("a" * 1999 + "bc")
    assert len(cut) == 2000
    assert cut.startswith("aaa") and cut.endswith("... (cut: 2,001 characters)")


def test_a_long_error_is_cut_in_the_ledger_and_in_its_history(
    job: ftkit.types.Job, provider: HostedProvider, home: Path
) -> None:
    provider.patch_job(job.last_seen.remote_id or "", status="failed", error=LONG)
    assert job.error is not None and len(job.error) == 2000
    assert job.error.endswith("(cut: 1,500,000 characters)")
    assert max(len(line.detail) for line in job.history()) == 2000
    assert (home / "ledger.sqlite").stat().st_size < len(LONG)


def test_a_long_status_is_cut_and_seen_again_changes_nothing(
    job: ftkit.types.Job, provider: HostedProvider
) -> None:
    provider.patch_job(job.last_seen.remote_id or "", status=LONG)
    first = job.refresh()
    assert len(first.raw_status) == 200
    assert job.refresh().updated_at == first.updated_at
    assert len(job.history()) == len(job.history())


def test_a_long_event_is_cut(job: ftkit.types.Job, provider: HostedProvider) -> None:
    said = {"id": 1, "created_at": 1_790_000_000, "type": "message", "message": LONG, "data": {}}
    provider.fault(EVENTS, "patch", fields={"data": [said]})
    (first, *_) = job.events()
    assert len(first.message) == 2000


def test_what_was_redacted_is_not_brought_back_by_a_cut(
    job: ftkit.types.Job, provider: HostedProvider
) -> None:
    key = provider.api_key * 3
    words = "x" * 1940 + f" Authorization: Bearer sk-{key}0123456789abcdefghij " + LONG
    provider.patch_job(job.last_seen.remote_id or "", status="failed", error=words)
    assert job.error is not None and f"sk-{key}" not in job.error


def test_a_long_text_that_an_earlier_version_wrote_is_read_as_it_is(
    job: ftkit.types.Job, home: Path
) -> None:
    connection = sqlite3.connect(home / "ledger.sqlite")
    from ftkit.ledger.sealing import TABLES

    columns = TABLES["jobs"]
    row = list(connection.execute(f"SELECT {', '.join(columns)} FROM jobs").fetchone())
    row[columns.index("error")] = LONG
    values = (LONG, seal("jobs", row))
    connection.execute("UPDATE jobs SET error = ?, seal = ?", values)
    connection.commit()
    connection.close()
    assert Ledger(home).job(job.id).error == LONG
    job.refresh()
    assert Ledger(home).job(job.id).error is None
