"""A ledger is looked at without being made, migrated, rebuilt or mended: every byte in its folder stays."""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

import ftkit
from ftkit.ledger import Condition, Ledger, LedgerView, State, view_of, viewing
from tests.ledgers import add, fill, make_first_schema


def content(folder: Path) -> dict[str, bytes]:
    """Every file with its bytes; the shared memory of a log is working memory and holds nothing."""
    return {
        path.name: b"" if path.name.endswith("-shm") else path.read_bytes()
        for path in sorted(folder.iterdir())
    }


def closed(home: Path, count: int = 24) -> Path:
    """A filled ledger that no process has open."""
    ledger = Ledger(home)
    fill(ledger, count)
    ledger._file._drop()
    assert not Path(f"{ledger.path}-wal").exists()
    return ledger.path


def crashed(home: Path, path: Path) -> Path:
    """What a killed process leaves: the file, its log, and the log's shared memory."""
    ledger = Ledger(home / "other")
    fill(ledger, 24)
    path.mkdir()
    for file in ledger.path.parent.iterdir():
        shutil.copy(file, path)
    return path


def remarks(home: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    monkeypatch.setenv("FTKIT_HOME", str(home))
    monkeypatch.setattr("ftkit_local.hardware.devices", list)
    monkeypatch.delenv("FTKIT_NOW", raising=False)
    return [(str(r.level), r.what) for r in ftkit.doctor(offline=True).remarks]


def test_a_whole_ledger_is_counted(home: Path) -> None:
    closed(home)
    before = content(home)
    view = view_of(home)
    assert (view.condition, view.schema, view.jobs) == (Condition.WHOLE, 4, 24)
    assert view.write_ahead_log is True
    assert len(view.intents) == 25
    assert sum(intent.state.open for intent in view.intents) == 8
    assert view.size == (home / "ledger.sqlite").stat().st_size
    assert content(home) == before


def test_jobs_that_have_not_ended_are_told_and_others_only_counted(home: Path) -> None:
    ledger = Ledger(home)
    for id in ("done", "running"):
        add(ledger, id)
        ledger.move(id, State.MADE, only_from=(State.PREPARED,), remote_id=f"remote-{id}")
    ledger.change("done", status="succeeded", raw_status="succeeded")
    view = view_of(home)
    assert (view.jobs, [row.id for row in view.unfinished]) == (2, ["running"])


def test_a_ledger_that_this_process_has_open_can_be_written_to_afterwards(home: Path) -> None:
    ledger = Ledger(home)
    fill(ledger, 6)
    assert view_of(home).jobs == 6
    add(ledger, "later")
    assert view_of(home).jobs == 7


def test_a_file_that_changes_while_it_is_read_without_locks_is_read_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = closed(home)
    really = viewing._viewed

    def torn(path: Path) -> LedgerView:
        """Half of the old pages and half of the new ones, as another process has just written."""
        monkeypatch.setattr(viewing, "_viewed", really)
        view = replace(really(path), condition=Condition.DAMAGED, reason="torn")
        ledger = Ledger(home)
        add(ledger, "meanwhile")
        ledger._file._drop()
        return view

    monkeypatch.setattr(viewing, "_viewed", torn)
    assert (view_of(path.parent).condition, view_of(home).jobs) == (Condition.WHOLE, 25)


def test_where_there_is_none_none_is_made(home: Path) -> None:
    assert view_of(home).condition is Condition.ABSENT
    assert not home.exists()


@pytest.mark.parametrize("with_shared_memory", [True, False])
def test_what_a_crash_left_is_read_with_its_log_and_left_as_it_is(
    with_shared_memory: bool, home: Path, tmp_path: Path
) -> None:
    folder = crashed(home, tmp_path / "crash")
    if not with_shared_memory:
        (folder / "ledger.sqlite-shm").unlink()
    before = content(folder)
    view = view_of(folder)
    assert (view.condition, view.jobs, view.write_ahead_log) == (Condition.WHOLE, 24, True)
    assert content(folder) == before


def test_an_older_ledger_is_not_migrated(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_first_schema(home, {"a": "done", "b": "unsettled"})
    before = content(home)
    view = view_of(home)
    assert (view.condition, view.schema, view.jobs) == (Condition.OLDER, 1, 2)
    (remark,) = remarks(home, monkeypatch)
    assert remark == ("notice", "the ledger has the older schema 1")
    assert content(home) == before
    Ledger(home).jobs()  # the judge sees a migration
    assert content(home) != before


def test_a_newer_ledger_is_a_problem_that_says_upgrade(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = closed(home)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    before = content(home)
    view = view_of(home)
    assert (view.condition, view.schema, view.jobs) == (Condition.NEWER, 9, 24)
    assert remarks(home, monkeypatch)[0][0] == "problem"
    assert content(home) == before


def test_a_newer_ledger_without_our_tables_is_still_named(home: Path) -> None:
    home.mkdir()
    with sqlite3.connect(home / "ledger.sqlite") as connection:
        connection.execute("CREATE TABLE other (x)")
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    view = view_of(home)
    assert (view.condition, view.schema, view.jobs) == (Condition.NEWER, 9, None)


@pytest.mark.parametrize(
    "how", ["page", "row", "cut off", "emptied", "gone", "older copy", "other file"]
)
def test_a_damaged_ledger_is_a_problem_and_is_not_rebuilt(
    how: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = closed(home)
    whole = path.read_bytes()
    match how:
        case "page":
            path.write_bytes(whole[:8192] + b"\xff" * 4096 + whole[12288:])
        case "row":
            with sqlite3.connect(path) as connection:
                connection.execute("UPDATE intents SET state = 'closed' WHERE key = 'ftkjob003'")
            connection.close()
        case "cut off":
            path.write_bytes(whole[: len(whole) // 2])
        case "emptied":
            path.write_bytes(b"")
        case "gone":
            path.unlink()
        case "older copy":
            add(Ledger(home), "newest")
            for suffix in ("-wal", "-shm"):
                Path(f"{path}{suffix}").unlink(missing_ok=True)
            path.write_bytes(whole)
        case "other file":
            path.write_bytes(b"this is no ledger" * 500)
    before = content(home)
    assert view_of(home).condition is Condition.DAMAGED
    ((level, what),) = remarks(home, monkeypatch)
    assert level == "problem" and "is damaged" in what
    assert content(home) == before
    Ledger(home).jobs()  # the judge sees a rebuilding
    assert content(home) != before
    assert view_of(home).rebuilt_at is not None
    assert any("was damaged and rebuilt" in what for _, what in remarks(home, monkeypatch))


def test_a_change_that_was_interrupted_is_left_to_the_next_command(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = closed(home)
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA cache_size = 1")  # pages reach the file before the commit
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE history SET detail = hex(randomblob(2000))")
        folder = home.parent / "interrupted"
        shutil.copytree(home, folder)
        connection.execute("ROLLBACK")
    connection.close()
    before = content(folder)
    assert "ledger.sqlite-journal" in before
    view = view_of(folder)
    assert (view.condition, view.write_ahead_log) == (Condition.BUSY, False)
    assert remarks(folder, monkeypatch)[0][0] == "notice"
    assert content(folder) == before


def test_on_a_network_disk_the_report_says_what_that_means(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ftkit.ledger.file_systems.type_of", lambda path: "nfs4")
    ((level, what),) = remarks(home, monkeypatch)
    assert level == "notice" and "network file system (nfs4)" in what


def test_a_folder_that_cannot_be_written_to_is_a_problem(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.mkdir()
    monkeypatch.setattr("ftkit.diagnosis.setup.os.access", lambda path, mode: path != home)
    ((level, what),) = remarks(home, monkeypatch)
    assert level == "problem" and "is not writable for you" in what
