"""Whether a ledger is whole: asked once for each file that a process opens, because answers are believed from then on.

SQLite's own check covers pages and indexes; the sealed rows of `meta` cover table definitions and lost entries; the seal
of each row covers its content, when it is read.
"""

from __future__ import annotations

import os
import sqlite3
import weakref
from dataclasses import dataclass, field
from pathlib import Path

from ftkit.ledger import meta
from ftkit.ledger.connections import Held, Place, last_closed, place_of
from ftkit.ledger.faults import Damaged
from ftkit.ledger.marker import Marker
from ftkit.ledger.sealing import Tables


@dataclass(frozen=True, slots=True)
class _Known:
    place: Place
    shared: bool
    held: weakref.WeakSet[Held] = field(default_factory=weakref.WeakSet)


_whole: dict[Path, _Known] = {}


def check(connection: sqlite3.Connection, marker: Marker) -> None:
    """Raises Damaged, or sqlite3.DatabaseError, where the ledger of the newest schema is not whole."""
    noted = marker.highest()  # before the ledger is read: it only grows
    check_pages(connection)
    connection.execute("BEGIN")
    try:
        tables = Tables(connection)
        if meta.shape(connection) != meta.known_shape(tables):
            raise Damaged("its table definitions were changed from outside")
        known = meta.changes(tables)
    finally:
        connection.execute("ROLLBACK")
    if known < noted:
        raise Damaged(f"its newest entries are gone: it has {known} changes, and had {noted}")


def check_pages(connection: sqlite3.Connection) -> None:
    """SQLite's own check, for a ledger of any schema."""
    found = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if found[0] != "ok":
        raise Damaged(" ".join(str(found[0]).split()))


def remember(held: Held, *, shared: bool) -> None:
    """The file behind this connection is whole."""
    known = _whole.get(held.path)
    if known is None or not known.place.same_file(held.place):
        known = _whole[held.path] = _Known(held.place, shared)
    known.held.add(held)


def recall(path: Path) -> bool | None:
    """Whether a file that was found whole lies on a shared file system; None where it has to be checked (again).

    The check counts as long as this process has the file open, and after that while nobody has touched it.
    """
    known = _whole.get(path)
    now = place_of(path)
    if known is None or not known.place.same_file(now):
        return None
    in_use = any(held.pid == os.getpid() for held in known.held)
    untouched = now == last_closed.get(path) and not Path(f"{path}-wal").exists()
    return known.shared if in_use or untouched else None


def forget(path: Path) -> None:
    """Check this file again when it is opened next."""
    _whole.pop(path, None)
