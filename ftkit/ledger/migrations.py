"""The ledger's schema as numbered steps; `PRAGMA user_version` says how many have run.

A step that has been released is never changed: ledgers have been made with it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable

from ftkit.ledger import meta
from ftkit.ledger.sealing import Tables


def _first(connection: sqlite3.Connection) -> None:
    """Jobs and names."""
    _run(
        connection,
        """
        CREATE TABLE jobs (
            id TEXT PRIMARY KEY,
            fingerprint TEXT NOT NULL,
            attempt INTEGER NOT NULL,
            instance TEXT NOT NULL,
            scope TEXT NOT NULL,
            phase TEXT NOT NULL,
            status TEXT NOT NULL,
            raw_status TEXT NOT NULL,
            remote_id TEXT,
            error TEXT,
            plan TEXT NOT NULL,
            request TEXT NOT NULL,
            record TEXT,
            created_at TEXT NOT NULL,
            updated_at TEXT NOT NULL,
            UNIQUE (fingerprint, attempt)
        ) STRICT;
        CREATE TABLE names (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL,
            job TEXT NOT NULL REFERENCES jobs (id)
        ) STRICT;
        CREATE INDEX names_by_name ON names (name, seq);
        """,
    )


def _intents(connection: sqlite3.Connection) -> None:
    """Intents of every paid call, uploads, a history, and a seal on each row."""
    _run(
        connection,
        """
        ALTER TABLE jobs RENAME TO old_jobs;
        ALTER TABLE names RENAME TO old_names;
        DROP INDEX names_by_name;
        CREATE TABLE intents (
            key TEXT PRIMARY KEY,
            verb TEXT NOT NULL,
            instance TEXT NOT NULL,
            scope TEXT NOT NULL,
            subject TEXT NOT NULL,
            state TEXT NOT NULL,
            usd TEXT,
            remote_id TEXT,
            sent_at TEXT,
            error TEXT,
            created_at TEXT NOT NULL,
            updated_at TEXT NOT NULL,
            seal TEXT NOT NULL
        ) STRICT;
        CREATE INDEX intents_by_remote ON intents (instance, remote_id);
        CREATE INDEX intents_by_state ON intents (state, verb);
        CREATE TABLE jobs (
            id TEXT PRIMARY KEY REFERENCES intents (key),
            stem TEXT NOT NULL,
            fingerprint TEXT NOT NULL,
            attempt INTEGER NOT NULL,
            status TEXT NOT NULL,
            raw_status TEXT NOT NULL,
            error TEXT,
            model TEXT,
            method TEXT,
            plan TEXT NOT NULL,
            request TEXT NOT NULL,
            record TEXT,
            cost_usd TEXT,
            cancel_requested INTEGER NOT NULL,
            evidence TEXT NOT NULL,
            evidence_at TEXT NOT NULL,
            created_at TEXT NOT NULL,
            updated_at TEXT NOT NULL,
            seal TEXT NOT NULL
        ) STRICT;
        CREATE INDEX jobs_by_stem ON jobs (stem, attempt);
        CREATE TABLE names (
            seq INTEGER PRIMARY KEY,
            name TEXT NOT NULL,
            job TEXT NOT NULL REFERENCES jobs (id),
            seal TEXT NOT NULL
        ) STRICT;
        CREATE INDEX names_by_name ON names (name, seq);
        CREATE INDEX names_by_job ON names (job, seq);
        CREATE TABLE uploads (
            scope TEXT NOT NULL,
            sha256 TEXT NOT NULL,
            remote_id TEXT NOT NULL,
            size INTEGER NOT NULL,
            uploaded_at TEXT NOT NULL,
            seal TEXT NOT NULL,
            PRIMARY KEY (scope, sha256)
        ) STRICT;
        CREATE TABLE history (
            seq INTEGER PRIMARY KEY,
            subject TEXT NOT NULL,
            at TEXT NOT NULL,
            what TEXT NOT NULL,
            detail TEXT NOT NULL,
            usd TEXT,
            seal TEXT NOT NULL
        ) STRICT;
        CREATE INDEX history_by_subject ON history (subject, seq);
        CREATE TABLE meta (
            name TEXT PRIMARY KEY,
            value TEXT NOT NULL,
            seal TEXT NOT NULL
        ) STRICT;
        """,
    )
    tables = Tables(connection)
    states = {"submitted": "made", "done": "made"}
    for row in connection.execute(
        "SELECT id, fingerprint, attempt, instance, scope, phase, status, raw_status, remote_id, "
        "error, plan, request, record, created_at, updated_at FROM old_jobs ORDER BY rowid"
    ).fetchall():
        (id, fingerprint, attempt, instance, scope, phase, status, raw, remote, *rest) = row
        error, plan, request, record, created_at, updated_at = rest
        quote = json.loads(plan)
        tables.put(
            "intents",
            {
                "key": id,
                "verb": "create",
                "instance": instance,
                "scope": scope,
                "subject": id,
                "state": states.get(phase, phase),
                "usd": quote.get("usd"),
                "remote_id": remote,
                "sent_at": None if phase == "prepared" else created_at,
                "error": None,
                "created_at": created_at,
                "updated_at": updated_at,
            },
        )
        tables.put(
            "jobs",
            {
                "id": id,
                "stem": id.removesuffix(str(attempt)) if id.startswith("ftk") else id,
                "fingerprint": fingerprint,
                "attempt": attempt,
                "status": status,
                "raw_status": raw,
                "error": error,
                "model": quote.get("model"),
                "method": quote.get("method"),
                "plan": plan,
                "request": request,
                "record": record,
                "cost_usd": None,
                "cancel_requested": 0,
                "evidence": "",
                "evidence_at": updated_at,
                "created_at": created_at,
                "updated_at": updated_at,
            },
        )
    for seq, name, job in connection.execute(
        "SELECT seq, name, job FROM old_names ORDER BY seq"
    ).fetchall():
        tables.put("names", {"seq": seq, "name": name, "job": job})
    connection.execute("DROP TABLE old_names")
    connection.execute("DROP TABLE old_jobs")
    meta.keep_shape(tables)
    meta.set_changes(tables, 1)


def _batches(connection: sqlite3.Connection) -> None:
    """Batches of answers."""
    _run(
        connection,
        """
        CREATE TABLE batches (
            key TEXT PRIMARY KEY REFERENCES intents (key),
            work TEXT NOT NULL,
            status TEXT NOT NULL,
            raw_status TEXT NOT NULL,
            done INTEGER NOT NULL,
            failed INTEGER NOT NULL,
            total INTEGER NOT NULL,
            error TEXT,
            cost_usd TEXT,
            cancel_requested INTEGER NOT NULL,
            request TEXT NOT NULL,
            created_at TEXT NOT NULL,
            updated_at TEXT NOT NULL,
            seal TEXT NOT NULL
        ) STRICT;
        CREATE INDEX batches_by_work ON batches (work);
        """,
    )
    meta.keep_shape(Tables(connection))


def _deployments(connection: sqlite3.Connection) -> None:
    """How long each deployment is to last; until now all of them were for a process."""
    _run(
        connection,
        """
        CREATE TABLE deployments (
            key TEXT PRIMARY KEY REFERENCES intents (key),
            until TEXT,
            held INTEGER NOT NULL,
            looked_at TEXT,
            seal TEXT NOT NULL
        ) STRICT;
        """,
    )
    tables = Tables(connection)
    for (key,) in connection.execute("SELECT key FROM intents WHERE verb = 'deploy'").fetchall():
        tables.put("deployments", {"key": key, "until": None, "held": 1, "looked_at": None})
    meta.keep_shape(tables)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a ledger to the newest schema: all steps and the number in one transaction, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = version_of(connection)
        for number, step in enumerate(MIGRATIONS[version:], start=version + 1):
            step(connection)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def version_of(connection: sqlite3.Connection) -> int:
    """The number of the schema of a file; 0 for one without tables."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    _first,
    _intents,
    _batches,
    _deployments,
)


def _run(connection: sqlite3.Connection, script: str) -> None:
    for statement in script.split(";"):
        if statement.strip():
            connection.execute(statement)
