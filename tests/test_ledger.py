"""The ledger: durable rows, names, concurrency, and damage."""

from __future__ import annotations

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ftkit.backend import JobStatus
from ftkit.errors import LedgerError, NotFound, StorageError
from ftkit.ledger import JobRow, Ledger, Phase


def row(id: str, fingerprint: str = "f", attempt: int = 1) -> JobRow:
    return JobRow(
        id=id,
        fingerprint=fingerprint,
        attempt=attempt,
        instance="local",
        scope="local:here",
        phase=Phase.PREPARED,
        status=JobStatus.QUEUED,
        raw_status="prepared",
        remote_id=None,
        error=None,
        plan={"model": "local/x"},
        request={},
        record=None,
        created_at="2026-11-25T00:00:00+00:00",
        updated_at="2026-11-25T00:00:00+00:00",
    )


def test_a_row_comes_back_as_it_was_written(home: Path) -> None:
    Ledger(home).prepare(row("a"))
    assert Ledger(home).job("a") == row("a")


def test_the_same_attempt_is_written_once(home: Path) -> None:
    ledger = Ledger(home)
    assert ledger.prepare(row("a")) is True
    assert ledger.prepare(row("a")) is False
    assert ledger.prepare(row("b")) is False
    assert [known.id for known in ledger.jobs()] == ["a"]


def test_of_many_threads_one_writes_an_attempt(home: Path) -> None:
    ledger = Ledger(home)
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda _: ledger.prepare(row("a")), range(32)))
    assert sum(won) == 1


def test_a_name_means_the_newest_job_submitted_under_it(home: Path) -> None:
    ledger = Ledger(home)
    ledger.prepare(row("a", "f"))
    ledger.prepare(row("b", "g"))
    ledger.name("router", "a")
    ledger.name("router", "b")
    found = ledger.find("router")
    assert found is not None
    assert found.id == "b"
    assert ledger.names("a") == ["router"]


def test_advance_changes_only_what_is_given(home: Path) -> None:
    ledger = Ledger(home)
    ledger.prepare(row("a"))
    ledger.advance("a", phase=Phase.SUBMITTED, remote_id="r")
    after = ledger.job("a")
    assert (after.phase, after.remote_id, after.status) == (
        Phase.SUBMITTED,
        "r",
        JobStatus.QUEUED,
    )


def test_an_unknown_job_names_the_nearest_known_one(home: Path) -> None:
    ledger = Ledger(home)
    ledger.prepare(row("ftkabc1"))
    ledger.name("router", "ftkabc1")
    with pytest.raises(NotFound, match="did you mean 'router'"):
        ledger.job("ruoter")


def test_a_damaged_ledger_is_one_typed_error_that_says_what_to_do(home: Path) -> None:
    Ledger(home).prepare(row("a"))
    path = home / "ledger.sqlite"
    path.write_bytes(b"not a database, far from it" * 200)
    for beside in ("-wal", "-shm"):
        Path(f"{path}{beside}").unlink(missing_ok=True)
    with pytest.raises(LedgerError, match="is damaged.*move it away"):
        Ledger(home).jobs()


def test_a_ledger_of_a_newer_version_is_refused(home: Path) -> None:
    Ledger(home).prepare(row("a"))
    connection = sqlite3.connect(home / "ledger.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(LedgerError, match="newer ftkit"):
        Ledger(home).jobs()


def test_a_home_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="set FTKIT_HOME"):
        Ledger(tmp_path / "file" / "home").jobs()


def test_a_forked_process_does_not_use_its_parents_connection(home: Path) -> None:
    ledger = Ledger(home)
    ledger.prepare(row("a"))
    child = os.fork()
    if child == 0:
        ledger.name("from-child", "a")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert ledger.names("a") == ["from-child"]
