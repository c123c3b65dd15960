"""Looking at a ledger without making, migrating, rebuilding or mending anything: for a diagnosis.

What would surprise: even a connection that only reads leaves a `-shm` file beside a log that has none, and plays back a
journal; so a log without `-shm` is read from a copy, and a journal is left to the next command.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from ftkit.backend import JobStatus
from ftkit.ledger import checking, file_systems, meta
from ftkit.ledger.columns import as_intent, as_job
from ftkit.ledger.connections import connect, place_of
from ftkit.ledger.faults import SQLITE_ERRORS, Damaged, is_locked, meaning
from ftkit.ledger.marker import Marker
from ftkit.ledger.migrations import MIGRATIONS, version_of
from ftkit.ledger.rows import Intent, JobRow
from ftkit.ledger.sealing import Tables

_TRIES = 3  # of reading a file without locks while others write
_WAL = 2  # in the head of the file: https://sqlite.org/fileformat2.html, 1.3.3
_UNFINISHED = tuple(status.value for status in JobStatus if not status.final)


class Condition(StrEnum):
    """What the next command will find: older is migrated, newer only read, damaged rebuilt."""

    ABSENT = "absent"
    WHOLE = "whole"
    OLDER = "older"
    NEWER = "newer"
    DAMAGED = "damaged"
    BUSY = "busy"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class LedgerView:
    """A ledger as it lies there; sizes in bytes, log included. What cannot be read is None or empty.

    `unfinished` are the jobs whose last known status is not final; `intents` are all, oldest first.
    """

    path: Path
    condition: Condition
    reason: str = ""
    file_system: str | None = None
    on_network: bool = False
    size: int = 0
    schema: int | None = None
    write_ahead_log: bool | None = None
    jobs: int | None = None
    intents: tuple[Intent, ...] = field(default=(), repr=False)
    unfinished: tuple[JobRow, ...] = field(default=(), repr=False)
    rebuilt_at: str | None = None


def view_of(home: Path) -> LedgerView:
    """The ledger of an FTKIT_HOME; raises nothing for one that is damaged, newer, or not there."""
    kind = file_systems.type_of(home)
    view = _patiently_viewed(home / "ledger.sqlite")
    return replace(view, file_system=kind, on_network=file_systems.is_shared(kind))


def _patiently_viewed(path: Path) -> LedgerView:
    try:
        if place_of(path) is None:
            return _without_file(path)
        for _ in range(_TRIES):
            before = _traces(path)
            view = _viewed(path)
            if _traces(path) == before:
                break
        return replace(view, size=sum(Path(f"{path}{s}").stat().st_size for s in _there(path)))
    except OSError as error:
        return LedgerView(path, Condition.UNREADABLE, error.strerror or str(error))


def _without_file(path: Path) -> LedgerView:
    if Marker(path).exists():
        return LedgerView(
            path, Condition.DAMAGED, "it is missing, and ledger.exists says there was one"
        )
    return LedgerView(path, Condition.ABSENT)


def _there(path: Path) -> tuple[str, ...]:
    return tuple(suffix for suffix in ("", "-wal") if Path(f"{path}{suffix}").exists())


def _traces(path: Path) -> object:
    return place_of(path), _there(path)


def _viewed(path: Path) -> LedgerView:
    log = _uses_log(path)
    view = LedgerView(path, Condition.WHOLE, write_ahead_log=log)
    try:
        with opened_quietly(path) as connection:
            version = version_of(connection)
            view = replace(view, schema=version)
            if version == len(MIGRATIONS):
                checking.check(connection, Marker(path))
                return _filled(view, Tables(connection))
            if version > len(MIGRATIONS):
                return _filled(
                    replace(view, condition=Condition.NEWER), Tables(connection, sealed=False)
                )
            checking.check_pages(connection)
            if version == 0:
                return replace(view, condition=Condition.DAMAGED, reason="it is empty")
            jobs = int(connection.execute("SELECT COUNT(*) FROM jobs").fetchone()[0])
            return replace(view, condition=Condition.OLDER, jobs=jobs)
    except Damaged as damage:
        return replace(view, condition=Condition.DAMAGED, reason=damage.reason)
    except SQLITE_ERRORS as error:
        return _refused(view, error)


def _refused(view: LedgerView, error: sqlite3.Error | UnicodeDecodeError) -> LedgerView:
    newer = view.schema is not None and view.schema > len(MIGRATIONS)
    if newer:  # columns that this version looks for may have gone
        return replace(view, condition=Condition.NEWER, reason=str(error))
    half = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_READONLY_ROLLBACK
    if half or is_locked(error):
        return replace(view, condition=Condition.BUSY, reason=str(error))
    damaged = isinstance(meaning(error, view.path), Damaged)
    condition = Condition.DAMAGED if damaged else Condition.UNREADABLE
    return replace(view, condition=condition, reason=str(error))


def _filled(view: LedgerView, tables: Tables) -> LedgerView:
    connection = tables.connection
    connection.execute("BEGIN")
    try:
        jobs = int(connection.execute("SELECT COUNT(*) FROM jobs").fetchone()[0])
        found = {str(row[0]): row for row in tables.read("intents", "ORDER BY rowid")}
        marks = ", ".join("?" * len(_UNFINISHED))
        rows = tables.read("jobs", f"WHERE status IN ({marks}) ORDER BY rowid", *_UNFINISHED)
        lost = [str(row[0]) for row in rows if row[0] not in found]
        if lost:
            raise Damaged(f"job {lost[0]} has no intent")
        rebuilt = None if view.condition is Condition.NEWER else meta.rebuilt(tables)
        return replace(
            view,
            jobs=jobs,
            intents=tuple(as_intent(row) for row in found.values()),
            unfinished=tuple(as_job(row, found[str(row[0])]) for row in rows),
            rebuilt_at=None if rebuilt is None else rebuilt.at,
        )
    except ValueError as error:  # a word that a newer ftkit has brought
        return replace(view, reason=str(error))
    finally:
        connection.execute("ROLLBACK")


def _uses_log(path: Path) -> bool | None:
    """Whether the file is written through a log beside it; None where that cannot be told without disturbing others."""
    if Path(f"{path}-wal").exists():
        return True
    if Path(f"{path}-journal").exists():
        return False
    # nobody is inside a transaction, so that closing the file ends no lock of this process
    with path.open("rb") as file:
        head = file.read(20)
    return head[18] == _WAL if len(head) == 20 else None


@contextmanager
def opened_quietly(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that reads and leaves the folder as it is."""
    log, shared = Path(f"{path}-wal").exists(), Path(f"{path}-shm").exists()
    if log and not shared:  # nobody has it open
        with tempfile.TemporaryDirectory(prefix="ftkit-view-") as folder:
            copy = Path(folder) / path.name
            for suffix in ("", "-wal"):
                shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
            with closing(connect(copy, "ro")) as connection:
                yield connection
        return
    quiet = "ro" if log or Path(f"{path}-journal").exists() else "immutable"
    with closing(connect(path, quiet)) as connection:
        yield connection
