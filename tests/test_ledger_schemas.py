"""Ledgers of other versions: an older one is migrated with nothing lost, a newer one is read and never written."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from ftkit.backend import JobStatus, Upload
from ftkit.errors import LedgerError
from ftkit.ledger import Ledger, State, Verb, migrations, new_intent
from tests.ledgers import add, make_first_schema

MIGRATIONS = migrations.MIGRATIONS
PHASES = {"ftka1": "prepared", "ftkb1": "submitting", "ftkc1": "submitted", "run-d": "done"}


# --- an older schema ---


def test_a_ledger_of_the_first_schema_is_migrated_with_nothing_lost(home: Path) -> None:
    make_first_schema(home, PHASES)
    ledger = Ledger(home)
    rows = {row.id: row for row in ledger.jobs()}
    assert [row.id for row in ledger.jobs()] == list(reversed(PHASES))
    assert {id: row.phase.value for id, row in rows.items()} == PHASES
    assert {id: row.remote_id for id, row in rows.items()} == {
        "ftka1": None,
        "ftkb1": None,
        "ftkc1": "remote-ftkc1",
        "run-d": "remote-run-d",
    }
    done = rows["run-d"]
    assert (done.usd, done.model, done.method) == (Decimal("2.50"), "local/x", "lora")
    assert (done.plan["usd"], done.request, done.record) == ("2.50", {"train": "file"}, {"id": "m"})
    assert (done.status, done.stem, rows["ftka1"].stem) == (JobStatus.SUCCEEDED, "run-d", "ftka")
    assert ledger.named() == [(f"name-{id}", id) for id in PHASES]
    assert ledger.rebuilt_at is None


def test_a_copy_of_an_older_ledger_is_kept_with_what_was_only_in_its_log(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTKIT_NOW", "2026-11-25T12:00:00Z")
    path = make_first_schema(home, PHASES)
    other = sqlite3.connect(path)  # while it is open, the log stays
    other.execute("UPDATE jobs SET error = 'in the log' WHERE id = 'ftka1'")
    other.commit()
    assert Path(f"{path}-wal").stat().st_size > 0
    assert Ledger(home).job("ftka1").error == "in the log"
    other.close()
    (backup,) = home.glob("ledger.sqlite.schema1.20261125T1200*.backup")
    copy = sqlite3.connect(backup)
    assert copy.execute("PRAGMA user_version").fetchone() == (1,)
    assert copy.execute("SELECT error FROM jobs WHERE id = 'ftka1'").fetchone() == ("in the log",)
    copy.close()


def test_a_migration_that_ends_half_way_leaves_the_old_schema(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_first_schema(home, PHASES)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(migrations, "MIGRATIONS", (MIGRATIONS[0], _second_then_die))
        Ledger(home).jobs()
    plain = sqlite3.connect(path)
    assert plain.execute("PRAGMA user_version").fetchone() == (1,)
    assert plain.execute("SELECT count(*) FROM jobs WHERE phase IS NOT NULL").fetchone() == (4,)
    plain.close()
    assert len(Ledger(home).jobs()) == 4


# --- a newer schema ---


@pytest.fixture
def newer(home: Path) -> Path:
    """A ledger with a job and a name, to which a newer version has added a column and a table."""
    ledger = Ledger(home)
    add(ledger, "a")
    ledger.name("router", "a")
    del ledger
    _alter(home, "ALTER TABLE jobs ADD COLUMN region TEXT", "CREATE TABLE teams (id TEXT)")
    return home


def test_a_newer_ledger_is_read(newer: Path) -> None:
    ledger = Ledger(newer)
    assert ledger.read_only is True
    assert [row.id for row in ledger.jobs()] == ["a"]
    assert ledger.named() == [("router", "a")]
    assert [line.what for line in ledger.history("a")] == ["create prepared"]
    found = ledger.find("router")
    assert found is not None
    assert found.id == "a"
    assert ledger.needs_import is False


def test_every_change_of_a_newer_ledger_is_refused_with_what_to_do(newer: Path) -> None:
    ledger = Ledger(newer)
    intent = new_intent("b", Verb.CREATE, instance="local", scope="s", subject="b", usd=None)
    for change in (
        lambda: ledger.prepare(intent),
        lambda: ledger.move("a", State.MADE, only_from=list(State)),
        lambda: ledger.change("a", error="x"),
        lambda: ledger.name("n", "a"),
        lambda: ledger.keep_upload("s", Upload("f", "0", 1)),
        lambda: ledger.tell("a", "x"),
        lambda: ledger.imported(),
    ):
        with pytest.raises(LedgerError, match="newer ftkit.*upgrade ftkit.*FTKIT_HOME"):
            change()


def test_reading_a_newer_ledger_leaves_its_folder_as_it_was(newer: Path) -> None:
    before = _contents(newer)
    ledger = Ledger(newer)
    ledger.jobs()
    ledger.history("a")
    with pytest.raises(LedgerError):
        ledger.tell("a", "x")
    del ledger
    assert _contents(newer) == before


def test_a_newer_ledger_without_a_known_column_is_a_typed_error(newer: Path) -> None:
    _alter(newer, "ALTER TABLE jobs DROP COLUMN evidence")
    with pytest.raises(LedgerError, match="no such column.*upgrade ftkit"):
        Ledger(newer).jobs()
    assert Ledger(newer).named() == [("router", "a")]
    assert not list(newer.glob("*damaged*"))


def test_a_newer_ledger_with_an_unknown_word_is_a_typed_error(newer: Path) -> None:
    _alter(newer, "UPDATE intents SET state = 'pondering'")
    with pytest.raises(LedgerError, match="newer ftkit.*pondering"):
        Ledger(newer).jobs()


def test_a_ledger_that_is_migrated_by_a_newer_version_while_open_is_not_written(home: Path) -> None:
    ledger = Ledger(home)
    add(ledger, "a")
    _alter(home, "ALTER TABLE jobs ADD COLUMN region TEXT")
    with pytest.raises(LedgerError, match="newer ftkit"):
        ledger.tell("a", "x")
    assert ledger.job("a").id == "a"


def _second_then_die(connection: sqlite3.Connection) -> None:
    MIGRATIONS[1](connection)
    raise KeyboardInterrupt


def _alter(home: Path, *statements: str) -> None:
    connection = sqlite3.connect(home / "ledger.sqlite", isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.execute("PRAGMA user_version = 99")
    connection.close()


def _contents(home: Path) -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in home.iterdir()}
