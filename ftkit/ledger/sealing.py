"""Rows that notice when they were changed by anything but the ledger.

SQLite finds damage to its own structure, not to the content of a row; a flipped bit in a stored id would be believed.
Every row is written whole with a hash of its table and its other columns, and read back only where the hash still fits.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence

from ftkit.ledger.faults import Damaged
from ftkit.words import MOST, shortened

Value = str | int | None
Row = tuple[Value, ...]

TABLES: Mapping[str, tuple[str, ...]] = {
    "intents": (
        "key", "verb", "instance", "scope", "subject", "state", "usd", "remote_id", "sent_at",
        "error", "created_at", "updated_at",
    ),
    "jobs": (
        "id", "stem", "fingerprint", "attempt", "status", "raw_status", "error", "model", "method",
        "plan", "request", "record", "cost_usd", "cancel_requested", "evidence", "evidence_at",
        "created_at", "updated_at",
    ),
    "batches": (
        "key", "work", "status", "raw_status", "done", "failed", "total", "error", "cost_usd",
        "cancel_requested", "request", "created_at", "updated_at",
    ),
    "deployments": ("key", "until", "held", "looked_at"),
    "names": ("seq", "name", "job"),
    "uploads": ("scope", "sha256", "remote_id", "size", "uploaded_at"),
    "history": ("seq", "subject", "at", "what", "detail", "usd"),
    "meta": ("name", "value"),
}  # fmt: skip
LONGEST = {"error": MOST, "detail": MOST, "raw_status": 200}  # characters of what others say
INTEGERS = frozenset(
    {"seq", "attempt", "cancel_requested", "size", "done", "failed", "total", "held"}
)


class Tables:
    """The sealed rows behind one connection.

    `sealed=False` believes rows without their seals: only for a ledger of a newer version, whose seals may cover
    columns that this version does not know.
    """

    def __init__(self, connection: sqlite3.Connection, *, sealed: bool = True) -> None:
        self.connection = connection
        self._sealed = sealed

    def put(self, table: str, values: Mapping[str, Value]) -> None:
        """Write one whole row, replacing the row with the same primary key."""
        columns = TABLES[table]
        row = [storable(column, values[column]) for column in columns]
        primary = columns[:2] if table == "uploads" else columns[:1]
        updates = ", ".join(f"{name} = excluded.{name}" for name in (*columns, "seal"))
        self.connection.execute(
            f"INSERT INTO {table} ({', '.join(columns)}, seal) "
            f"VALUES ({', '.join('?' * len(row))}, ?) "
            f"ON CONFLICT ({', '.join(primary)}) DO UPDATE SET {updates}",
            (*row, seal(table, row)),
        )

    def drop_upload(self, scope: str, sha256: str) -> None:
        """Take out one row of uploads."""
        self.connection.execute(
            "DELETE FROM uploads WHERE scope = ? AND sha256 = ?", (scope, sha256)
        )

    def read(self, table: str, where: str = "", *arguments: Value) -> list[Row]:
        """Rows in the order of TABLES; raises Damaged for one whose content does not fit its seal."""
        columns = TABLES[table]
        found = self.connection.execute(
            f"SELECT {', '.join(columns)}, seal FROM {table} {where}", arguments
        )
        if not self._sealed:
            return [row[:-1] for row in found]
        rows = []
        for full in found:
            row = full[:-1]
            if seal(table, row) != full[-1]:
                raise Damaged(
                    f"the row of {table} with {columns[0]} {row[0]!r} was changed from outside"
                )
            rows.append(row)
        return rows

    def one(self, table: str, where: str, *arguments: Value) -> dict[str, Value] | None:
        """The first of the rows, by column."""
        found = self.read(table, where, *arguments)
        return dict(zip(TABLES[table], found[0], strict=True)) if found else None


def seal(table: str, row: Sequence[Value]) -> str:
    """The hash of a row's values in the order of its columns; each text carries its length, so none runs into the next."""
    content = "".join([f"{len(v)}:{v}" if v.__class__ is str else f"{v!r};" for v in row])
    return hashlib.blake2b((table + content).encode(), digest_size=8).hexdigest()


def storable(column: str, value: Value) -> Value:
    """What comes back from the column again, so that the seal fits: enums and numbers as plain text, bools as 0 or 1.

    What a provider says at any length is cut; a row that an earlier version wrote stays as long as it is.
    Half a surrogate pair, as in a file name that is not UTF-8, becomes `\\udc..`: it cannot be stored.
    """
    if value is None:
        return None
    if column in INTEGERS:
        return int(value)
    text = str(value).encode("utf-8", "backslashreplace").decode("utf-8")
    return shortened(text, LONGEST[column]) if column in LONGEST else text
