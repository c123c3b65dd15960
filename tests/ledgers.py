"""Ledgers for tests: jobs in every state, old schemas, and what a ledger answers, as one value to compare."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from ftkit.backend import JobStatus, Upload
from ftkit.ledger import HistoryLine, Intent, JobRow, Ledger, State, Verb, new_intent, new_job
from ftkit.ledger.migrations import MIGRATIONS

FILES = ("ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm", "ledger.exists")


def add(
    ledger: Ledger, key: str, *, plan: Mapping[str, Any] | None = None, attempt: int = 1
) -> JobRow:
    """Prepare a job and read it back."""
    intent = new_intent(
        key,
        Verb.CREATE,
        instance="local",
        scope="local:here",
        subject=key,
        usd=Decimal("1.25"),
    )
    job = new_job(
        intent,
        stem=key.rstrip("0123456789") or key,
        fingerprint=f"f{key}",
        attempt=attempt,
        plan=plan or {"model": "local/x", "note": "n" * 300},
        request={"rows": "r" * 200},
    )
    ledger.prepare(intent, job)
    return ledger.job(key)


def fill(ledger: Ledger, count: int) -> None:
    """Jobs in every state in turn, half of them named, with uploads and history."""
    states = list(State)
    for number in range(count):
        key = f"ftkjob{number:03d}"
        add(ledger, key)
        state = states[number % len(states)]
        if state is not State.PREPARED:
            remote = f"remote-{number}" if state is State.MADE else None
            ledger.move(
                key, state, only_from=states, remote_id=remote, sent_at="2026-11-25T00:00:00"
            )
        if state is State.MADE:
            status = JobStatus.SUCCEEDED if number % 4 else JobStatus.RUNNING
            ledger.change(key, status=status.value, raw_status=status.value, cost_usd="0.75")
        if number % 2:
            ledger.name(f"name-{number % 10}", key)
        ledger.keep_upload("local:here", Upload(f"file-{number}", f"{number:064x}", 1000 + number))
        ledger.tell(key, "checked", f"for the {number}th time", Decimal("0.10"))
    deployed = new_intent(
        "deploy-1", Verb.DEPLOY, instance="local", scope="s", subject="ftkjob000", usd=None
    )
    ledger.prepare(deployed)


@dataclass(frozen=True, slots=True)
class Answers:
    """Everything that a ledger of `fill` is asked."""

    jobs: tuple[JobRow, ...]
    intents: tuple[Intent, ...]
    named: tuple[tuple[str, str], ...]
    history: tuple[HistoryLine, ...]
    found: tuple[tuple[str, str | None], ...]
    uploads: tuple[tuple[str, Upload | None], ...]


def ask(ledger: Ledger, count: int) -> Answers:
    """The answers of a ledger that was filled with `count` jobs."""
    ids = [f"ftkjob{number:03d}" for number in range(count)]
    names = [f"name-{number}" for number in range(10)]
    found = [(word, ledger.find(word)) for word in (*ids, *names, "nobody")]
    return Answers(
        jobs=tuple(ledger.jobs()),
        intents=tuple(ledger.intents()),
        named=tuple(ledger.named()),
        history=tuple(line for id in ids for line in ledger.history(id)),
        found=tuple((word, None if row is None else row.id) for word, row in found),
        uploads=tuple(
            (f"{number:064x}", ledger.upload("local:here", f"{number:064x}"))
            for number in range(count)
        ),
    )


def make_first_schema(home: Path, phases: Mapping[str, str]) -> Path:
    """A ledger as the first release made it: a job for each (id, phase), each under the name `name-<id>`."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / "ledger.sqlite"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    MIGRATIONS[0](connection)
    connection.execute("PRAGMA user_version = 1")
    for number, (id, phase) in enumerate(phases.items()):
        status = "succeeded" if phase == "done" else "queued"
        remote = f"remote-{id}" if phase in ("submitted", "done") else None
        connection.execute(
            "INSERT INTO jobs VALUES (?, ?, ?, 'local', 'local:here', ?, ?, ?, ?, NULL, ?, ?, ?, ?, ?)",
            (
                id,
                f"fingerprint-{number}",
                1,
                phase,
                status,
                status,
                remote,
                json.dumps({"model": "local/x", "method": "lora", "usd": "2.50"}),
                json.dumps({"train": "file"}),
                json.dumps({"id": "m"}) if phase == "done" else None,
                "2026-11-25T00:00:00+00:00",
                "2026-11-25T01:00:00+00:00",
            ),
        )
        connection.execute("INSERT INTO names (name, job) VALUES (?, ?)", (f"name-{id}", id))
    connection.close()
    return path
