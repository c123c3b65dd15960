"""Opening the ledger's file: made, migrated and checked where that is due, durable from the first statement on.

On a local disk WAL with synchronous=FULL, elsewhere a rollback journal: what a transaction has returned for survives a
power cut. A ledger of a newer version is opened for reading only, and nothing is written, not even a log beside it.
"""

from __future__ import annotations

from pathlib import Path

from ftkit.ledger import checking, file_systems
from ftkit.ledger.connections import (
    Held,
    connect,
    kept_if_damaged,
    patiently,
    place_of,
    settle_in,
)
from ftkit.ledger.faults import SQLITE_ERRORS, Damaged, Moved, is_locked, meaning, refused_by_system
from ftkit.ledger.marker import Marker
from ftkit.ledger.migrations import MIGRATIONS, version_of
from ftkit.ledger.preparing import ledger_lock, make_ready, peek, quiet_mode


def open_ledger(path: Path) -> Held:
    """A connection to the ledger at the newest schema, or a read-only one to a newer ledger.

    Raises Damaged for one that has to be rebuilt, LedgerError and StorageError for one that cannot be opened.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise refused_by_system(error, path.parent) from error
    refusal: Exception = Moved(str(path))
    for _ in patiently():
        place = place_of(path)
        try:
            return _open(path)
        except Damaged as damage:
            damage.place = damage.place or place
            raise
        except Moved as moved:
            refusal = moved
        except SQLITE_ERRORS as error:
            refusal = meaning(error, path)
            if isinstance(refusal, Damaged):
                refusal.place = place
            if not is_locked(error):
                raise refusal from error
    raise refusal


def _open(path: Path) -> Held:
    shared = checking.recall(path)
    if shared is not None and Marker(path).exists():
        held = _connected(path, shared=shared)
        checking.remember(held, shared=shared)
        return held
    shared = file_systems.is_shared(file_systems.type_of(path.parent))
    version = peek(path)
    if version is not None and version > len(MIGRATIONS):
        return _newer(path)
    if version != len(MIGRATIONS) or shared or not Marker(path).exists():
        with ledger_lock(path):
            make_ready(path, shared=shared)
    held = _connected(path, shared=shared)
    if not shared and _journal(held) != "wal":
        held.close()
        with ledger_lock(path):
            make_ready(path, shared=shared)
        held = _connected(path, shared=shared)
    with kept_if_damaged(held):
        checking.check(held.connection, Marker(path))
    checking.remember(held, shared=shared)
    return held


def _connected(path: Path, *, shared: bool) -> Held:
    before = place_of(path)
    if before is None:
        raise Moved(str(path))
    held = Held(connect(path, "rw"), path, before, read_only=False)
    if not before.same_file(place_of(path)):
        held.close()
        raise Moved(str(path))
    with kept_if_damaged(held):
        settle_in(held.connection, shared=shared)
    return held


def _newer(path: Path) -> Held:
    before = place_of(path)
    if before is None:
        raise Moved(str(path))
    held = Held(connect(path, quiet_mode(path)), path, before, read_only=True)
    if version_of(held.connection) <= len(MIGRATIONS):
        raise Moved(str(path))
    return held


def _journal(held: Held) -> str:
    with kept_if_damaged(held):
        return str(held.connection.execute("PRAGMA journal_mode").fetchone()[0])
