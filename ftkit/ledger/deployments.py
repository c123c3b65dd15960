"""The table of deployments: how long each is to last, beside its intent.

A damaged ledger may have lost this row and kept the intent: then no length is known, and nobody stops it unasked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ftkit import clock
from ftkit.ledger.access import LedgerFile
from ftkit.ledger.columns import as_intent
from ftkit.ledger.expenses import Expense, expenses_in
from ftkit.ledger.rows import DeploymentRow, Intent, Lasting, State, Verb
from ftkit.ledger.sealing import Row, Tables, Value
from ftkit.ledger.telling import now, tell

_MAY_RUN = (State.SUBMITTING, State.UNSETTLED, State.MADE)


class DeploymentTable:
    """Deployments of one ledger; raises what the ledger raises."""

    def __init__(self, file: LedgerFile) -> None:
        self._file = file

    def get(self, key: str) -> DeploymentRow | None:
        """The deployment with this key."""
        found = self._file.read(lambda tables: _rows(tables, "key = ?", key))
        return found[0] if found else None

    def all(self) -> list[DeploymentRow]:
        """Every deployment, oldest first."""
        return self._file.read(lambda tables: _rows(tables, "1 = 1"))

    def may_run(self) -> list[DeploymentRow]:
        """Those that may cost money now, oldest first."""
        return self._file.read(may_run)

    def last(
        self,
        key: str,
        lasting: Lasting,
        *,
        may: Callable[[Sequence[Expense]], None] | None = None,
    ) -> None:
        """Let a deployment last so long from now on, unless `may` raises, which sees what this month costs."""

        def write(tables: Tables) -> None:
            for row in _rows(tables, "key = ?", key):
                if row.lasting == lasting:
                    return
                if may is not None:
                    may(expenses_in(tables, clock.now()))
                put(tables, replace(row, lasting=lasting))
                tell(tables, row.intent.subject, f"deploy {_words(lasting)}", "", None)

        self._file.write(write)

    def looked(self, key: str) -> None:
        """It was looked for just now and is not listed, though it would have to be."""

        def write(tables: Tables) -> None:
            for row in _rows(tables, "key = ?", key):
                put(tables, replace(row, looked_at=now()))

        self._file.write(write)


def put(tables: Tables, row: DeploymentRow) -> None:
    """Write how long a deployment is to last; its intent is there already."""
    values: dict[str, Value] = {
        "key": row.intent.key,
        "until": row.lasting.until,
        "held": int(row.lasting.held),
        "looked_at": row.looked_at,
    }
    tables.put("deployments", values)


def may_run(tables: Tables) -> list[DeploymentRow]:
    """Those that may cost money now, oldest first."""
    marks = ", ".join("?" * len(_MAY_RUN))
    return _rows(tables, f"state IN ({marks})", *(state.value for state in _MAY_RUN))


def _rows(tables: Tables, which: str, *arguments: Value) -> list[DeploymentRow]:
    where = f"WHERE verb = ? AND {which} ORDER BY rowid"
    intents = map(as_intent, tables.read("intents", where, Verb.DEPLOY.value, *arguments))
    return [_row(intent, tables) for intent in intents]


def _row(intent: Intent, tables: Tables) -> DeploymentRow:
    found: list[Row] = tables.read("deployments", "WHERE key = ?", intent.key)
    if not found:
        return DeploymentRow(intent)
    _, until, held, looked_at = found[0]
    text = None if until is None else str(until)
    looked = None if looked_at is None else str(looked_at)
    return DeploymentRow(intent, Lasting(text, bool(held)), looked)


def _words(lasting: Lasting) -> str:
    if lasting.held:
        return "for a process"
    return "until it is stopped" if lasting.until is None else f"until {lasting.until[:16]}"
