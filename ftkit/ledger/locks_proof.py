"""A proof, in a scratch file, that one process cannot write where another has locked.

Two connections of one process prove nothing: SQLite settles their locks in memory. So the second one is a child process.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from ftkit.errors import LedgerError

_OTHER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
try:
    connection.execute("BEGIN IMMEDIATE")
except sqlite3.OperationalError as error:
    print(error)
else:
    print("free")
"""


def prove_locks(folder: Path) -> None:
    """Raises LedgerError where locks do not work on this folder's file system."""
    scratch = folder / f"ledger.locks.{os.getpid()}"
    try:
        with closing(sqlite3.connect(scratch, timeout=0, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("CREATE TABLE IF NOT EXISTS proof (at INTEGER)")
            connection.execute("BEGIN IMMEDIATE")
            seen = _seen_by_another(scratch)
            connection.execute("ROLLBACK")
    except (sqlite3.Error, OSError) as error:
        seen = str(error)
    finally:
        scratch.unlink(missing_ok=True)
    if seen != "database is locked":
        raise LedgerError(
            f"file locks do not work on {folder}, a network file system (a second process saw: {seen}); "
            "two processes could start the same job twice. Set FTKIT_HOME to a folder on a local disk"
        )


def _seen_by_another(scratch: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _OTHER, str(scratch)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout.strip() or done.stderr.strip()
