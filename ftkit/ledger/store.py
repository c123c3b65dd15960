"""The ledger: what was asked for, written before it is done.

Every change of an intent is a compare-and-swap with its line of history in the same transaction, so that of two
processes one moves on, and the timeline never tells what did not happen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from ftkit import clock
from ftkit.backend import Upload
from ftkit.errors import NotFound
from ftkit.ledger import meta
from ftkit.ledger.access import LedgerFile
from ftkit.ledger.batches import BatchTable
from ftkit.ledger.columns import (
    as_intent,
    as_job,
    as_line,
    intent_values,
    job_values,
    money,
)
from ftkit.ledger.deployments import DeploymentTable, put
from ftkit.ledger.expenses import Expense, expenses_in
from ftkit.ledger.faults import Damaged
from ftkit.ledger.rows import DeploymentRow, HistoryLine, Intent, JobRow, Lasting, State, Verb
from ftkit.ledger.sealing import Tables, Value, storable
from ftkit.ledger.telling import next_seq, now, tell
from ftkit.words import nearest

_FEW = 100  # jobs up to which looking up each intent is cheaper than reading all of them


class Ledger:
    """Intents, jobs, batches, names, uploads and history of one FTKIT_HOME.

    Every method raises LedgerError where the ledger cannot be used and StorageError where the disk is full or fails.
    A damaged ledger is rebuilt on the way, see `rebuilt_at`.
    """

    def __init__(self, home: Path) -> None:
        self._file = LedgerFile(home)
        self.path = self._file.path
        self.batches = BatchTable(self._file)
        self.deployments = DeploymentTable(self._file)

    @property
    def read_only(self) -> bool:
        """True for a ledger that a newer ftkit wrote: it is read, and every change is refused."""
        return self._file.read_only

    @property
    def rebuilt_at(self) -> datetime | None:
        """When this ledger was last rebuilt from a damaged one; something may be missing in it since."""
        if self.read_only:
            return None
        found = self._file.read(meta.rebuilt)
        return None if found is None else datetime.fromisoformat(found.at)

    @property
    def needs_import(self) -> bool:
        """True until run folders and providers were asked what a rebuilt ledger has lost."""
        if self.read_only:
            return False
        found = self._file.read(meta.rebuilt)
        return found is not None and not found.imported

    def imported(self) -> None:
        """What was lost has been looked for."""
        self._file.write(meta.set_imported)

    # --- intents ---

    def prepare(
        self,
        intent: Intent,
        job: JobRow | None = None,
        *,
        lasting: Lasting | None = None,
        may: Callable[[Sequence[Expense]], None] | None = None,
    ) -> bool:
        """Write a new intent, with its job or its deployment's length; False where the key is there already.

        `may` refuses by raising: it sees what this month has cost and holds back, and no other process spends meanwhile.
        """

        def work(tables: Tables) -> bool:
            if tables.read("intents", "WHERE key = ?", intent.key):
                return False
            if may is not None:
                may(expenses_in(tables, clock.now()))
            tables.put("intents", intent_values(intent))
            if job is not None:
                tables.put("jobs", job_values(job))
            if lasting is not None:
                put(tables, DeploymentRow(intent, lasting))
            tell(tables, intent.subject, f"{intent.verb} {intent.state}", "", intent.usd)
            return True

        return self._file.write(work)

    def move(
        self,
        key: str,
        to: State,
        *,
        only_from: Collection[State],
        remote_id: str | None = None,
        error: str | None = None,
        sent_at: str | None = None,
        detail: str = "",
    ) -> bool:
        """Bring an intent to another state, durably; False, and nothing is written, where it is not in `only_from`."""

        def work(tables: Tables) -> bool:
            before = tables.one("intents", "WHERE key = ?", key)
            if before is None or State(str(before["state"])) not in only_from:
                return False
            values = before | {"state": to.value, "updated_at": now(), "error": error}
            if remote_id is not None:
                values["remote_id"] = remote_id
            if sent_at is not None:
                values["sent_at"] = sent_at
            tables.put("intents", values)
            text = detail or error or (f"as {remote_id}" if remote_id else "")
            tell(tables, str(values["subject"]), f"{values['verb']} {to}", text, None)
            return True

        return self._file.write(work)

    def intent(self, key: str) -> Intent | None:
        """The intent with this key."""
        found = self._file.read(lambda tables: _intents(tables, "WHERE key = ?", key))
        return found[0] if found else None

    def intents(self, verb: Verb | None = None, state: State | None = None) -> list[Intent]:
        """Intents, oldest first, of one verb or in one state."""
        wanted: dict[str, Value] = {}
        if verb is not None:
            wanted["verb"] = verb.value
        if state is not None:
            wanted["state"] = state.value
        where = " AND ".join(f"{column} = ?" for column in wanted)
        return self._file.read(
            lambda tables: _intents(
                tables, f"{f'WHERE {where}' if where else ''} ORDER BY rowid", *wanted.values()
            )
        )

    def expenses(self, moment: datetime) -> list[Expense]:
        """What counts in the month of `moment`, oldest first."""
        return self._file.read(lambda tables: expenses_in(tables, moment))

    # --- jobs ---

    def change(self, id: str, **fields: Value) -> None:
        """Change columns of a job (`status`, `error`, `record`, ...); a new status becomes a line of history."""
        fields = {name: storable(name, value) for name, value in fields.items()}

        def work(tables: Tables) -> None:
            before = tables.one("jobs", "WHERE id = ?", id)
            if before is None:
                raise NotFound(f"there is no job {id!r} in {self.path}")
            if all(before[name] == value for name, value in fields.items()):
                return
            after = before | fields | {"updated_at": now()}
            tables.put("jobs", after)
            if (after["status"], after["raw_status"]) != (before["status"], before["raw_status"]):
                word = f"{after['status']}"
                if after["raw_status"] != after["status"]:
                    word += f" ({after['raw_status']})"
                tell(tables, id, word, str(after["error"] or ""), money(after["cost_usd"]))

        self._file.write(work)

    def job(self, id: str) -> JobRow:
        """The job with this id; raises NotFound with the nearest known one."""
        found = self._jobs("WHERE id = ?", id)
        if not found:
            raise NotFound(f"there is no job {id!r} in {self.path}{self._suggestion(id)}")
        return found[0]

    def find(self, name_or_id: str) -> JobRow | None:
        """A job by id, or the newest one submitted under a name."""
        found = self._jobs("WHERE id = ?", name_or_id) or self._jobs(
            "WHERE id = (SELECT job FROM names WHERE name = ? ORDER BY seq DESC LIMIT 1)",
            name_or_id,
        )
        return found[0] if found else None

    def by_remote(self, instance: str, remote_id: str) -> JobRow | None:
        """The job that a provider knows by `remote_id`."""
        found = self._jobs(
            "WHERE id IN (SELECT key FROM intents WHERE instance = ? AND remote_id = ? AND verb = 'create')",
            instance,
            remote_id,
        )
        return found[0] if found else None

    def attempts(self, stem: str) -> list[JobRow]:
        """All attempts at the same work, oldest first."""
        return self._jobs("WHERE stem = ? ORDER BY attempt", stem)

    def jobs(self) -> list[JobRow]:
        """All jobs, newest first."""
        return self._jobs("ORDER BY rowid DESC")

    # --- names ---

    def name(self, name: str, job: str) -> None:
        """Let `name` mean this job from now on; raises NotFound for a job that is not there."""

        def work(tables: Tables) -> None:
            if not tables.read("jobs", "WHERE id = ?", job):
                raise NotFound(f"there is no job {job!r} in {self.path} to be named {name!r}")
            newest = tables.one("names", "WHERE name = ? ORDER BY seq DESC LIMIT 1", name)
            if newest is None or newest["job"] != job:
                tables.put("names", {"seq": next_seq(tables, "names"), "name": name, "job": job})

        self._file.write(work)

    def names(self, job: str) -> list[str]:
        """The names under which a job was submitted, oldest first."""
        return [name for name, _ in self._named("WHERE job = ? ORDER BY seq", job)]

    def named(self) -> list[tuple[str, str]]:
        """Every (name, job), oldest first, each pair once."""
        return self._named("ORDER BY seq")

    # --- uploads ---

    def upload(self, scope: str, sha256: str) -> Upload | None:
        """What this account already holds of a file."""
        found = self._file.read(
            lambda tables: tables.one("uploads", "WHERE scope = ? AND sha256 = ?", scope, sha256)
        )
        if found is None:
            return None
        return Upload(str(found["remote_id"]), sha256, int(str(found["size"])))

    def keep_upload(self, scope: str, upload: Upload) -> None:
        """Remember a file that was sent."""
        row: dict[str, Value] = {
            "scope": scope,
            "sha256": upload.sha256,
            "remote_id": upload.id,
            "size": upload.size,
            "uploaded_at": now(),
        }
        self._file.write(lambda tables: tables.put("uploads", row))

    def forget_upload(self, scope: str, sha256: str) -> None:
        """Know nothing of a file any more: it is sent again where it is needed."""
        self._file.write(lambda tables: tables.drop_upload(scope, sha256))

    # --- history ---

    def tell(self, subject: str, what: str, detail: str = "", usd: Decimal | None = None) -> None:
        """Add a line to a timeline."""
        self._file.write(lambda tables: tell(tables, subject, what, detail, usd))

    def history(self, subject: str) -> list[HistoryLine]:
        """The timeline of a job or model, oldest first."""
        rows = self._file.read(
            lambda tables: tables.read("history", "WHERE subject = ? ORDER BY seq", subject)
        )
        return [as_line(row) for row in rows]

    def _suggestion(self, word: str) -> str:
        return nearest(word, {row.id for row in self.jobs()} | {name for name, _ in self.named()})

    def _named(self, where: str, *arguments: Value) -> list[tuple[str, str]]:
        rows = self._file.read(lambda tables: tables.read("names", where, *arguments))
        pairs = {(str(name), str(job)): int(str(seq)) for seq, name, job in rows}
        return sorted(pairs, key=pairs.__getitem__)

    def _jobs(self, where: str, *arguments: Value) -> list[JobRow]:
        return self._file.read(lambda tables: _jobs(tables, where, *arguments))


def _intents(tables: Tables, where: str, *arguments: Value) -> list[Intent]:
    return [as_intent(row) for row in tables.read("intents", where, *arguments)]


def _jobs(tables: Tables, where: str, *arguments: Value) -> list[JobRow]:
    jobs = tables.read("jobs", where, *arguments)
    if not jobs:
        return []
    if len(jobs) <= _FEW:
        keys = json.dumps([job[0] for job in jobs])
        found = tables.read("intents", "WHERE key IN (SELECT value FROM json_each(?))", keys)
    else:
        found = tables.read("intents", "WHERE verb = ?", Verb.CREATE.value)
    intents = {row[0]: row for row in found}
    for job in jobs:
        if job[0] not in intents:
            raise Damaged(f"job {job[0]} has no intent")
    return [as_job(job, intents[job[0]]) for job in jobs]
