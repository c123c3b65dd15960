"""The table of batches: what a provider said last about each, beside its intent."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ftkit import clock
from ftkit.backend import BatchStatus
from ftkit.errors import NotFound
from ftkit.ledger.access import LedgerFile
from ftkit.ledger.columns import intent_values, money
from ftkit.ledger.expenses import Expense, expenses_in
from ftkit.ledger.faults import Damaged
from ftkit.ledger.rows import BatchRow, Intent, State
from ftkit.ledger.sealing import Row, Tables, Value
from ftkit.ledger.telling import now, tell


class BatchTable:
    """Batches of one ledger; raises what the ledger raises."""

    def __init__(self, file: LedgerFile) -> None:
        self._file = file

    def prepare(
        self,
        intent: Intent,
        work: str,
        request: Mapping[str, Any],
        *,
        may: Callable[[Sequence[Expense]], None] | None = None,
    ) -> None:
        """Write a new intent with its batch, unless `may` raises; what is there already stays as it is."""

        def write(tables: Tables) -> None:
            if not tables.read("intents", "WHERE key = ?", intent.key):
                if may is not None:
                    may(expenses_in(tables, clock.now()))
                tables.put("intents", intent_values(intent))
                tell(tables, intent.key, f"{intent.verb} {intent.state}", "", intent.usd)
            if not tables.read("batches", "WHERE key = ?", intent.key):
                tables.put("batches", _fresh(intent, work, request))

        self._file.write(write)

    def change(self, key: str, **fields: Value) -> None:
        """Change columns of a batch; a new status becomes a line of history."""

        def write(tables: Tables) -> None:
            before = tables.one("batches", "WHERE key = ?", key)
            if before is None:
                raise NotFound(f"there is no batch {key!r} in {self._file.path}")
            if all(before[name] == value for name, value in fields.items()):
                return
            after = before | fields | {"updated_at": now()}
            tables.put("batches", after)
            if (after["status"], after["raw_status"]) != (before["status"], before["raw_status"]):
                word = f"{after['status']} ({after['raw_status']})"
                tell(tables, key, word, str(after["error"] or ""), money(after["cost_usd"]))

        self._file.write(write)

    def get(self, key: str) -> BatchRow:
        """The batch with this key; raises NotFound."""
        found = self._read("WHERE key = ?", key)
        if not found:
            raise NotFound(
                f"there is no batch {key!r} in {self._file.path}; `ftkit batches` lists them"
            )
        return found[0]

    def by_remote(self, remote_id: str, instance: str | None = None) -> list[BatchRow]:
        """Batches that a provider knows by `remote_id`, of one instance or of all."""
        rows = self._read("WHERE key IN (SELECT key FROM intents WHERE remote_id = ?)", remote_id)
        return [row for row in rows if instance in (None, row.instance)]

    def attempts(self, stem: str) -> list[BatchRow]:
        """All attempts at the same work, oldest first."""
        return self._read("WHERE substr(key, 1, ?) = ? ORDER BY rowid", len(stem), stem)

    def of_work(self, work: str) -> list[BatchRow]:
        """All batches of one model and the same questions, of any account, oldest first."""
        return self._read("WHERE work = ? ORDER BY rowid", work)

    def all(self) -> list[BatchRow]:
        """Every batch, newest first."""
        return self._read("ORDER BY rowid DESC")

    def _read(self, where: str, *arguments: Value) -> list[BatchRow]:
        def read(tables: Tables) -> list[BatchRow]:
            rows = tables.read("batches", where, *arguments)
            keys = json.dumps([row[0] for row in rows])
            found = tables.read("intents", "WHERE key IN (SELECT value FROM json_each(?))", keys)
            intents = {row[0]: row for row in found}
            for row in rows:
                if row[0] not in intents:
                    raise Damaged(f"batch {row[0]} has no intent")
            return [_as_batch(row, intents[row[0]]) for row in rows]

        return self._file.read(read)


def _fresh(intent: Intent, work: str, request: Mapping[str, Any]) -> dict[str, Value]:
    return {
        "key": intent.key,
        "work": work,
        "status": BatchStatus.QUEUED.value,
        "raw_status": "prepared",
        "done": 0,
        "failed": 0,
        "total": 0,
        "error": None,
        "cost_usd": None,
        "cancel_requested": 0,
        "request": json.dumps(request),
        "created_at": intent.created_at,
        "updated_at": intent.updated_at,
    }


def _as_batch(row: Row, intent: Row) -> BatchRow:
    """The batch of two rows; raises ValueError for a state or status that is not known."""
    values: list[Any] = list(row)
    key, work, status, raw_status, done, failed, total, error, cost, cancel, request, *at = values
    paid: list[Any] = list(intent)
    _, _, instance, scope, _, state, usd, remote_id, sent_at, *_ = paid
    return BatchRow(
        key,
        instance,
        scope,
        State(state),
        money(usd),
        remote_id,
        sent_at,
        work,
        BatchStatus(status),
        raw_status,
        done,
        failed,
        total,
        error,
        money(cost),
        bool(cancel),
        request,
        *at,
    )
