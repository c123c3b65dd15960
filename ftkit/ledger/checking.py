"""Whether a ledger is whole: asked once for each file that a process opens, because answers are believed from then on.

SQLite's own check covers pages and indexes; the sealed rows of `meta` cover table definitions and lost entries; the seal
of each row covers its content, when it is read.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ftkit.ledger import meta
from ftkit.ledger.connections import Held, Place, place_of
from ftkit.ledger.faults import Damaged
from ftkit.ledger.marker import Marker
from ftkit.ledger.sealing import Tables

_whole: dict[Path, tuple[Place, bool]] = {}


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


def remember(path: Path, held: Held, *, shared: bool) -> None:
    """The file behind this connection is whole."""
    _whole[path] = (held.place, shared)


def recall(path: Path) -> bool | None:
    """Whether a file that was found whole, and is still there, lies on a shared file system; None: not checked yet."""
    found = _whole.get(path)
    if found is None or not found[0].same_file(place_of(path)):
        return None
    return found[1]


def forget(path: Path) -> None:
    """Check this file again when it is opened next."""
    _whole.pop(path, None)
