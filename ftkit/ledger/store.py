"""The ledger: what was asked for, written before it is done. The only place with SQL.

SQLite in WAL mode with synchronous=FULL: a row that `prepare` or `advance` has returned for survives a power cut. One
connection per process and thread, so that a Ledger may cross both.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from ftkit import clock
from ftkit.backend import JobStatus
from ftkit.errors import LedgerError, NotFound, StorageError
from ftkit.ledger.migrations import MIGRATIONS
from ftkit.words import nearest


class Phase(StrEnum):
    """How far *our* part of a job has come; the provider's part is its status."""

    PREPARED = "prepared"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as the ledger knows it. `plan` is the quote, `request` what `submit` needs to do it again."""

    id: str
    fingerprint: str
    attempt: int
    instance: str
    scope: str
    phase: Phase
    status: JobStatus
    raw_status: str
    remote_id: str | None
    error: str | None
    plan: Mapping[str, Any]
    request: Mapping[str, Any]
    record: Mapping[str, Any] | None
    created_at: str
    updated_at: str


_COLUMNS = (
    "id, fingerprint, attempt, instance, scope, phase, status, raw_status, remote_id, error, "
    "plan, request, record, created_at, updated_at"
)


class Ledger:
    """The jobs of one FTKIT_HOME."""

    def __init__(self, home: Path) -> None:
        self.path = home / "ledger.sqlite"
        self._local = threading.local()

    def prepare(self, row: JobRow) -> bool:
        """Write a new job; False where this attempt is there already (another process was faster)."""
        with self._transaction() as connection:
            done = connection.execute(
                f"INSERT INTO jobs ({_COLUMNS}) VALUES ({', '.join('?' * 15)}) ON CONFLICT DO NOTHING",
                _values(row),
            )
            return done.rowcount == 1

    def advance(
        self,
        id: str,
        *,
        phase: Phase | None = None,
        status: JobStatus | None = None,
        raw_status: str | None = None,
        remote_id: str | None = None,
        error: str | None = None,
        record: Mapping[str, Any] | None = None,
    ) -> None:
        """Change the given fields of one job, durably."""
        fields = {
            "phase": phase,
            "status": status,
            "raw_status": raw_status,
            "remote_id": remote_id,
            "error": error,
            "record": None if record is None else json.dumps(record),
        }
        given = {name: value for name, value in fields.items() if value is not None}
        given["updated_at"] = clock.now().isoformat()
        with self._transaction() as connection:
            connection.execute(
                f"UPDATE jobs SET {', '.join(f'{name} = ?' for name in given)} WHERE id = ?",
                (*given.values(), id),
            )

    def name(self, name: str, job: str) -> None:
        """Let `name` mean this job from now on."""
        with self._transaction() as connection:
            connection.execute("INSERT INTO names (name, job) VALUES (?, ?)", (name, job))

    def job(self, id: str) -> JobRow:
        """The job with this id; raises NotFound with the nearest known one."""
        row = self._one("SELECT {columns} FROM jobs WHERE id = ?", id)
        if row is None:
            raise NotFound(f"there is no job {id!r} in {self.path}{self._suggestion(id)}")
        return row

    def find(self, name_or_id: str) -> JobRow | None:
        """A job by id, or the newest one submitted under a name."""
        row = self._one("SELECT {columns} FROM jobs WHERE id = ?", name_or_id)
        return row or self._one(
            "SELECT {columns} FROM jobs WHERE id = (SELECT job FROM names WHERE name = ? ORDER BY seq DESC LIMIT 1)",
            name_or_id,
        )

    def by_remote(self, instance: str, remote_id: str) -> JobRow | None:
        """The job that a provider knows by `remote_id`."""
        return self._one(
            "SELECT {columns} FROM jobs WHERE instance = ? AND remote_id = ?", instance, remote_id
        )

    def attempts(self, fingerprint: str) -> list[JobRow]:
        """All attempts at the same work, oldest first."""
        return self._all(
            "SELECT {columns} FROM jobs WHERE fingerprint = ? ORDER BY attempt", fingerprint
        )

    def jobs(self) -> list[JobRow]:
        """All jobs, newest first."""
        return self._all("SELECT {columns} FROM jobs ORDER BY rowid DESC")

    def names(self, job: str) -> list[str]:
        """The names under which a job was submitted."""
        return [name for name, known in self.named() if known == job]

    def named(self) -> list[tuple[str, str]]:
        """Every (name, job), oldest first, each pair once."""
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT name, job FROM names GROUP BY name, job ORDER BY MAX(seq)"
            ).fetchall()
        return [(str(name), str(job)) for name, job in rows]

    def _suggestion(self, word: str) -> str:
        return nearest(word, {row.id for row in self.jobs()} | {name for name, _ in self.named()})

    def _one(self, query: str, *arguments: object) -> JobRow | None:
        rows = self._all(query, *arguments)
        return rows[0] if rows else None

    def _all(self, query: str, *arguments: object) -> list[JobRow]:
        with self._reading() as connection:
            found = connection.execute(query.format(columns=_COLUMNS), arguments).fetchall()
        return [_row(values) for values in found]

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            yield self._connection()
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from error

    def _connection(self) -> sqlite3.Connection:
        held: tuple[int, sqlite3.Connection] | None = getattr(self._local, "held", None)
        if held is not None and held[0] == os.getpid():
            return held[1]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StorageError(
                f"cannot create {self.path.parent}: {error.strerror}; set FTKIT_HOME to a folder of yours"
            ) from error
        connection = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        try:
            connection.execute("PRAGMA busy_timeout = 30000")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            self._migrate(connection)
        except BaseException:
            connection.close()
            raise
        self._local.held = (os.getpid(), connection)
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        if self._version(connection) == len(MIGRATIONS):
            return
        connection.execute("BEGIN IMMEDIATE")
        version = self._version(connection)
        if version > len(MIGRATIONS):
            connection.execute("ROLLBACK")
            raise LedgerError(
                f"{self.path} was written by a newer ftkit (schema {version}, this one knows {len(MIGRATIONS)}); "
                f"upgrade ftkit, or set FTKIT_HOME to another folder"
            )
        for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
            for statement in script.split(";"):
                if statement.strip():
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")

    @staticmethod
    def _version(connection: sqlite3.Connection) -> int:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])

    def _damaged(self, error: sqlite3.DatabaseError) -> Exception:
        if isinstance(error, sqlite3.OperationalError):
            return LedgerError(
                f"the ledger {self.path} cannot be used: {error}; check free space, permissions and other programs"
            )
        return LedgerError(
            f"the ledger {self.path} is damaged: {error}; move it away (mv {self.path} {self.path}.damaged) and go on: "
            f"runs stay in {self.path.parent / 'runs'}, and ftkit job show local/<run> takes one up again"
        )


def _values(row: JobRow) -> tuple[Any, ...]:
    return (
        row.id,
        row.fingerprint,
        row.attempt,
        row.instance,
        row.scope,
        row.phase,
        row.status,
        row.raw_status,
        row.remote_id,
        row.error,
        json.dumps(row.plan),
        json.dumps(row.request),
        None if row.record is None else json.dumps(row.record),
        row.created_at,
        row.updated_at,
    )


def _row(values: tuple[Any, ...]) -> JobRow:
    (id, fingerprint, attempt, instance, scope, phase, status, raw, remote, error, *rest) = values
    plan, request, record, created_at, updated_at = rest
    return JobRow(
        id=id,
        fingerprint=fingerprint,
        attempt=attempt,
        instance=instance,
        scope=scope,
        phase=Phase(phase),
        status=JobStatus(status),
        raw_status=raw,
        remote_id=remote,
        error=error,
        plan=json.loads(plan),
        request=json.loads(request),
        record=None if record is None else json.loads(record),
        created_at=created_at,
        updated_at=updated_at,
    )
