"""Reading and writing through one connection for each process and thread, and what happens when that goes wrong.

Work is a function of the tables, not a `with` block: it is done once more where the ledger had to be rebuilt or has been
replaced by another process.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ftkit.errors import LedgerError
from ftkit.ledger import checking, meta
from ftkit.ledger.connections import Held, place_of
from ftkit.ledger.faults import SQLITE_ERRORS, Damaged, Moved, meaning
from ftkit.ledger.marker import Marker
from ftkit.ledger.migrations import MIGRATIONS, version_of
from ftkit.ledger.opening import open_ledger
from ftkit.ledger.rebuilding import rebuild
from ftkit.ledger.sealing import Tables

Result = TypeVar("Result")


class LedgerFile:
    """The database file of one FTKIT_HOME."""

    def __init__(self, home: Path) -> None:
        self.path = home / "ledger.sqlite"
        self._local = threading.local()
        self._marker = Marker(self.path)

    def read(self, work: Callable[[Tables], Result]) -> Result:
        """The result of looking things up, all of it from one moment."""
        return self._persistently(work, writing=False)[0]

    def write(self, work: Callable[[Tables], Result]) -> Result:
        """The result of work inside one write transaction: all of it is on disk when this returns, or nothing."""
        return self._persistently(work, writing=True)[0]

    @property
    def read_only(self) -> bool:
        """True for a ledger that a newer ftkit wrote."""
        return self._persistently(_nothing, writing=False)[1]

    def _persistently(
        self, work: Callable[[Tables], Result], *, writing: bool
    ) -> tuple[Result, bool]:
        rebuilt = False
        for _ in range(10):  # each time another process has put another file there
            try:
                held = self._held()
                return self._once(held, work, writing), held.read_only
            except Moved:
                self._drop()
                checking.forget(self.path)
            except Damaged as damage:
                if rebuilt:
                    raise LedgerError(
                        f"the ledger {self.path} is damaged again right after it was rebuilt: {damage.reason}; "
                        "check the disk, or set FTKIT_HOME to a folder on another one"
                    ) from damage
                rebuild(self.path, damage)
                # frames of its traceback would keep connections open until the next garbage collection
                damage.__traceback__ = damage.__cause__ = damage.__context__ = None
                rebuilt = True
                self._drop()
        raise LedgerError(f"{self.path} is replaced again and again; see what else writes to it")

    def _once(self, held: Held, work: Callable[[Tables], Result], writing: bool) -> Result:
        if writing and held.read_only:
            raise LedgerError(
                f"{self.path} was written by a newer ftkit and is only read by this one (it knows schema "
                f"{len(MIGRATIONS)}); upgrade ftkit, or set FTKIT_HOME to another folder"
            )
        connection = held.connection
        try:
            result, change = self._transaction(held, work, writing)
        except SQLITE_ERRORS as error:
            said = meaning(error, self.path, read_only=held.read_only)
            if isinstance(said, Damaged):
                said.place = held.place
            else:
                self._drop()  # the next call begins with a new connection
            raise said from error
        except Damaged as damage:
            damage.place = held.place
            raise
        except ValueError as error:
            if not held.read_only:
                raise
            raise LedgerError(
                f"{self.path} was written by a newer ftkit, and this one does not know a word in it: {error}; "
                "upgrade ftkit"
            ) from error
        finally:
            self._undo(connection)
        if change is not None:
            if not held.place.same_file(place_of(self.path)):
                raise Moved(str(self.path))  # it went into a file that has just been set aside
            self._marker.note(change)
        return result

    def _transaction(
        self, held: Held, work: Callable[[Tables], Result], writing: bool
    ) -> tuple[Result, int | None]:
        """The result, and the number of the change where something was written."""
        connection = held.connection
        connection.execute("BEGIN IMMEDIATE" if writing else "BEGIN")
        if not held.place.same_file(place_of(self.path)):
            raise Moved(str(self.path))
        if not held.read_only and version_of(connection) != len(MIGRATIONS):
            raise Moved(str(self.path))  # a newer ftkit has migrated it, or it was emptied
        tables = Tables(connection, sealed=not held.read_only)
        before = connection.total_changes
        result = work(tables)
        change = None
        if connection.total_changes != before:
            change = meta.changes(tables) + 1
            meta.set_changes(tables, change)
        connection.execute("COMMIT")
        return result, change

    def _undo(self, connection: sqlite3.Connection) -> None:
        """End a transaction that did not come to its end; the first error is the one to tell, not one met here."""
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except SQLITE_ERRORS:
            self._local.__dict__.pop("held", None)  # the next call begins with a new connection

    def _held(self) -> Held:
        held: Held | None = getattr(self._local, "held", None)
        if held is not None and held.pid == os.getpid():
            return held
        self._drop()
        held = open_ledger(self.path)
        if not held.read_only:  # a newer ftkit may write at any time, and no lock tells this one
            self._local.held = held
        return held

    def _drop(self) -> None:
        held: Held | None = self._local.__dict__.pop("held", None)
        if held is not None:
            held.close()


def _nothing(tables: Tables) -> None:
    """Work that only opens the ledger."""
