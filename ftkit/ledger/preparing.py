"""Making a ledger, and bringing an older one to the newest schema. One process at a time does this, under `ledger.lock`.

Before an older ledger is changed, a copy of it is laid beside it and kept.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ftkit import clock
from ftkit.errors import LedgerError
from ftkit.ledger.checking import check_pages
from ftkit.ledger.connections import Held, connect, kept_if_damaged, place_of, settle_in
from ftkit.ledger.faults import SQLITE_ERRORS, Damaged, Moved, refused_by_system
from ftkit.ledger.locks_proof import prove_locks
from ftkit.ledger.marker import Marker, sync_folder
from ftkit.ledger.migrations import MIGRATIONS, migrate, version_of
from ftkit.ledger.swapping import finish_swap, free_name

PAGE_SIZE = 4096
LOCK_WAIT_S = 120  # rebuilding a large ledger takes a while


@contextmanager
def ledger_lock(path: Path) -> Iterator[None]:
    """Hold `ledger.lock`; raises LedgerError when it is held by others for two minutes, StorageError where it cannot be made."""
    lock = FileLock(path.with_name("ledger.lock"), timeout=LOCK_WAIT_S)
    try:
        lock.acquire()
    except Timeout as error:
        raise LedgerError(
            f"{lock.lock_file} has been held by another process for {LOCK_WAIT_S} s; end that process and try again"
        ) from error
    except NotImplementedError as error:
        raise LedgerError(
            f"no file locks on {path.parent}: set FTKIT_HOME to a local disk"
        ) from error
    except OSError as error:
        raise refused_by_system(error, path.with_name("ledger.lock")) from error
    try:
        yield
    finally:
        lock.release()


def make_ready(path: Path, *, shared: bool) -> None:
    """Make, finish or migrate a ledger as needed, under the lock; raises Damaged for one that has been lost."""
    marker = Marker(path)
    if place_of(path) is None:
        finish_swap(path)
    if shared:
        prove_locks(path.parent)
    if marker.exists() and place_of(path) is None:
        raise Damaged("it is missing")
    connection = connect(path, "rwc")
    place = place_of(path)
    if place is None:
        raise Moved(str(path))
    held = Held(connection, path, place, read_only=False)
    with kept_if_damaged(held):
        # shared memory may not work where the ledger has been copied to
        connection.execute(f"PRAGMA locking_mode = {'EXCLUSIVE' if shared else 'NORMAL'}")
        settle_in(connection, shared=shared)
        version = version_of(connection)
        if version == 0 and connection.execute("SELECT 1 FROM sqlite_schema").fetchone():
            raise Damaged("it has tables but no number of its schema")
        if version == 0 and marker.exists():
            raise Damaged("it is empty")
        if version <= len(MIGRATIONS):
            _bring_up(held, version, shared=shared)
    held.close()
    if not marker.exists():
        try:
            marker.make()
        except OSError as error:
            raise refused_by_system(error, marker.path) from error


def _bring_up(held: Held, version: int, *, shared: bool) -> None:
    connection = held.connection
    if 0 < version < len(MIGRATIONS):
        check_pages(connection)
        _back_up(connection, held.path, version)
    connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
    connection.execute(f"PRAGMA journal_mode = {'DELETE' if shared else 'WAL'}")
    if version < len(MIGRATIONS):
        connection.execute("PRAGMA foreign_keys = OFF")
        migrate(connection)


def peek(path: Path) -> int | None:
    """The schema of a file without changing a byte of it or leaving files beside it; None where that cannot be told.

    It is read without locks: another process may just be writing, so that only a whole answer counts.
    """
    if place_of(path) is None:
        return None
    try:
        with closing(connect(path, quiet_mode(path))) as connection:
            return version_of(connection)
    except SQLITE_ERRORS:
        return None  # whoever asks opens it with locks, and meets the error there


def quiet_mode(path: Path) -> str:
    """How to open a file for reading so that nothing is left beside it."""
    if Path(f"{path}-journal").exists():
        return "rw"  # half a change of another process, which has to be undone before anything can be read
    return "ro" if Path(f"{path}-wal").exists() else "immutable"


def _back_up(connection: sqlite3.Connection, path: Path, version: int) -> None:
    now = clock.now().strftime("%Y%m%dT%H%M%SZ")
    backup = free_name(path.with_name(f"{path.name}.schema{version}.{now}.backup"))
    half = backup.with_name(backup.name + ".half")
    half.unlink(missing_ok=True)
    with closing(connect(half, "rwc")) as copy:
        connection.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
    half.replace(backup)
    sync_folder(path.parent)
