"""What an error of SQLite means for the ledger: damage, a lack of space, a lock, or a file that has moved.

Only damage sets a ledger aside. A failing disk is not damage: the same file may be whole when the disk is back.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from ftkit.errors import FtkitError, LedgerError, StorageError

if TYPE_CHECKING:
    from ftkit.ledger.connections import Held, Place

LOCK_TIMEOUT_S = 30

_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
# what SQLite says when its table of contents or its head no longer says what every ledger has
_DAMAGE_WORDS = (
    "no such table",
    "no such column",
    "no such index",
    "Could not decode to UTF-8",
    "unsupported file format",
)

# a message of SQLite that quotes damaged text is no text itself, and its error arrives as the second
SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)


class Damaged(Exception):
    """The ledger is not what was written.

    `place` is the file that was seen so; `keep` stays open until that file has been set aside, because closing the last
    connection would write what SQLite can read of the log into it, and delete the rest.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.place: Place | None = None
        self.keep: Held | None = None


class Moved(Exception):
    """Another process has put another file in the ledger's place; open it again."""


def meaning(
    error: sqlite3.Error | UnicodeDecodeError, path: Path, *, read_only: bool = False
) -> Exception:
    """What to raise for an error of SQLite: Damaged, Moved, StorageError or LedgerError."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    if code == sqlite3.SQLITE_READONLY_DBMOVED:
        return Moved(str(path))
    unreadable = isinstance(error, UnicodeDecodeError)
    if unreadable or primary in _DAMAGE or str(error).startswith(_DAMAGE_WORDS):
        if read_only:
            return LedgerError(f"this version of ftkit cannot read {path}: {error}; upgrade ftkit")
        return Damaged(str(error))
    return _refusal(error, primary, path)


def is_locked(error: Exception) -> bool:
    """True where another process holds a lock for now."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _LOCKED


def _refusal(error: Exception, primary: int | None, path: Path) -> FtkitError:
    if primary == sqlite3.SQLITE_FULL:
        return StorageError(
            f"no space left for {path}: {error}; this change was not written. Free some space and try again"
        )
    if primary == sqlite3.SQLITE_IOERR:
        return StorageError(
            f"the disk failed under {path}: {error} ({getattr(error, 'sqlite_errorname', '')}); this change was "
            "not written. Check the disk and its quota, then try again"
        )
    if primary in _LOCKED:
        return LedgerError(
            f"{path} has been locked by another program for more than {LOCK_TIMEOUT_S} s; "
            "see which one has it open, end it or wait, and try again"
        )
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return LedgerError(
            f"{path} cannot be opened for writing: {error}; make the folder {path.parent} and the files in it "
            "writable for you, or set FTKIT_HOME to a folder of yours"
        )
    return LedgerError(f"{path} cannot be used: {error}")


def refused_by_system(error: OSError, path: Path) -> FtkitError:
    """The typed error for an OSError beside the ledger."""
    return StorageError(
        f"cannot write {path}: {error.strerror or error}; make space and {path.parent} writable for you, "
        "or set FTKIT_HOME to a folder of yours"
    )
