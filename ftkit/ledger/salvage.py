"""Every row of a damaged ledger that can still be read and fits its seal.

A page that cannot be read ends a scan; so each table is read from both ends, and what lies between row by row.
"""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from ftkit.ledger.faults import SQLITE_ERRORS
from ftkit.ledger.log_image import image
from ftkit.ledger.sealing import TABLES, Row, Tables, seal

_KEPT = (
    "intents",
    "jobs",
    "batches",
    "deployments",
    "names",
    "uploads",
    "history",
)  # in an order that references allow
_LONGEST_GAP = 1_000_000


@dataclass(frozen=True, slots=True)
class Salvage:
    """Rows by table, oldest first, and the number of changes that the ledger has had.

    `stale`: some may be older than what the ledger last held.
    """

    rows: dict[str, list[Row]]
    changes: int
    stale: bool

    @property
    def count(self) -> int:
        """How many rows there are."""
        return sum(len(rows) for rows in self.rows.values())


def salvage(path: Path, folder: Path, noted: int, opened: list[int]) -> Salvage:
    """Read what can be read of the ledger at `path`, with copies in `folder`; `noted` changes are known to have been made.

    Handles of the ledger's files are added to `opened`: closing one ends all locks that this process has on that file, so
    the caller does it when they no longer matter.

    SQLite's own reading is taken where it holds all those changes. Otherwise the log has a hole or lacks its end, and
    rows from around the hole may be stale.
    """
    main, log = _content(path, opened), _content(Path(f"{path}-wal"), opened)
    copy = folder / "copy.sqlite"
    copy.write_bytes(main)
    Path(f"{copy}-wal").write_bytes(log)
    known, rows = _read(copy)
    if known is not None and known >= noted:
        return Salvage(rows, known, stale=False)
    whole = folder / "image.sqlite"
    whole.write_bytes(image(main, log))
    known, rows = _read(whole)
    changes = max(noted, known or 0)
    return Salvage(rows, changes, stale=bool(log) or known is None or known < noted)


def keep(found: Salvage, tables: Tables) -> int:
    """Write salvaged rows into an empty ledger; how many fitted. A job needs its intent, a name its job."""
    kept = 0
    for table in _KEPT:
        columns = TABLES[table]
        for row in found.rows[table]:
            try:
                tables.connection.execute(
                    f"INSERT INTO {table} ({', '.join(columns)}, seal) "
                    f"VALUES ({', '.join('?' * len(row))}, ?)",
                    (*row, seal(table, row)),
                )
            except sqlite3.IntegrityError:
                continue  # what it refers to was lost, or it is there twice
            kept += 1
    return kept


def _content(path: Path, opened: list[int]) -> bytes:
    """The bytes of a file of the ledger, which stays open."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return b""
    opened.append(handle)
    with os.fdopen(handle, "rb", closefd=False) as file:
        return file.read()


def _read(copy: Path) -> tuple[int | None, dict[str, list[Row]]]:
    """The number of changes, None where it cannot be read, and the rows of each table."""
    nothing: dict[str, list[Row]] = {table: [] for table in _KEPT}
    connection = sqlite3.connect(copy, isolation_level=None)
    try:
        connection.execute(
            "PRAGMA writable_schema = ON"
        )  # one bad definition does not hide the others
        rows = {table: _rows(connection, table) for table in _KEPT}
        known = [value for name, value in _rows(connection, "meta") if name == "changes"]
    except SQLITE_ERRORS:
        return None, nothing
    finally:
        connection.close()
    return int(str(known[0])) if known else None, rows


def _rows(connection: sqlite3.Connection, table: str) -> list[Row]:
    connection.text_factory = bytes
    columns = ", ".join(TABLES[table])
    select = f"SELECT rowid, {columns}, seal FROM {table} NOT INDEXED"
    found: dict[int, Row] = {}
    whole = _scan(connection, f"{select} ORDER BY rowid", found)
    if not whole:
        first_gap = max(found, default=0) + 1
        below: dict[int, Row] = {}
        _scan(connection, f"{select} ORDER BY rowid DESC", below)
        end = min(below, default=first_gap)
        found |= below
        candidates = set(range(first_gap, min(end, first_gap + _LONGEST_GAP)))
        candidates |= _indexed(connection, table)
        for rowid in sorted(candidates - found.keys()):
            _scan(connection, f"{select} WHERE rowid = {rowid}", found)
    rows = []
    for rowid in sorted(found):
        row = _decoded(found[rowid], table)
        if row is not None:
            rows.append(row)
    return rows


def _scan(connection: sqlite3.Connection, query: str, found: dict[int, Row]) -> bool:
    """Collect rows until the end or the first page that cannot be read; True at the end."""
    try:
        for rowid, *row in connection.execute(query):
            found[rowid] = tuple(row)
    except SQLITE_ERRORS:
        return False
    return True


def _indexed(connection: sqlite3.Connection, table: str) -> set[int]:
    """Row numbers that the indexes of a table know of."""
    found: dict[int, Row] = {}
    try:
        indexes = [row[1] for row in connection.execute(f"PRAGMA index_list({table})")]
    except SQLITE_ERRORS:
        return set()
    for index in indexes:
        name = index.decode("utf-8", "replace") if isinstance(index, bytes) else str(index)
        _scan(connection, f"SELECT rowid FROM {table} INDEXED BY {name}", found)
    return set(found)


def _decoded(row: Row, table: str) -> Row | None:
    """A row as the ledger wrote it; None where its content does not fit its seal."""
    values: list[str | int | None] = []
    for value in row:
        if isinstance(value, bytes):
            try:
                values.append(value.decode("utf-8"))
            except UnicodeDecodeError:
                return None
        else:
            values.append(value)
    *content, stored = values
    if seal(table, content) != stored:
        return None
    return tuple(content)
