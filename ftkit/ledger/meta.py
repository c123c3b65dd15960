"""What the ledger knows of itself, in sealed rows: how many changes it has had, its tables, and whether it was rebuilt.

`changes` grows by one with each transaction that wrote something; beside the marker file it shows a ledger that has lost
its newest entries. `shape` is the hash of all table definitions.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import asdict, dataclass, replace

from ftkit.ledger.sealing import Tables


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """That a ledger was made from what could be read of a damaged one: ISO time, rows kept, and if it was looked after."""

    at: str
    salvaged: int
    imported: bool = False


def changes(tables: Tables) -> int:
    """How many transactions have changed this ledger; 0 where that is not known."""
    row = tables.one("meta", "WHERE name = ?", "changes")
    return int(str(row["value"])) if row else 0


def set_changes(tables: Tables, number: int) -> None:
    """Set the count of changes."""
    tables.put("meta", {"name": "changes", "value": str(number)})


def known_shape(tables: Tables) -> str | None:
    """The shape that was written down when the tables were made."""
    row = tables.one("meta", "WHERE name = ?", "shape")
    return str(row["value"]) if row else None


def keep_shape(tables: Tables) -> None:
    """Write down the shape of the tables as they are."""
    tables.put("meta", {"name": "shape", "value": shape(tables.connection)})


def shape(connection: sqlite3.Connection) -> str:
    """The hash of all table and index definitions."""
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema").fetchall()
    content = "\n".join(sorted(repr(row) for row in rows))
    return hashlib.blake2b(content.encode(), digest_size=8).hexdigest()


def rebuilt(tables: Tables) -> Rebuilt | None:
    """When and how this ledger was rebuilt; None for one that never was."""
    row = tables.one("meta", "WHERE name = ?", "rebuilt")
    return Rebuilt(**json.loads(str(row["value"]))) if row else None


def keep_rebuilt(tables: Tables, what: Rebuilt) -> None:
    """Remember a rebuilding."""
    tables.put("meta", {"name": "rebuilt", "value": json.dumps(asdict(what))})


def set_imported(tables: Tables) -> None:
    """Remember that what a rebuilt ledger lost has been looked for."""
    what = rebuilt(tables)
    if what is not None and not what.imported:
        keep_rebuilt(tables, replace(what, imported=True))
