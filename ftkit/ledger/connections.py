"""One open connection to the ledger's file, and what has to be true while it is open.

A connection belongs to one process and thread. One that came over a fork is never used and never closed: closing it would
end the parent's locks.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ftkit import clock
from ftkit.ledger.faults import LOCK_TIMEOUT_S, SQLITE_ERRORS, Damaged, meaning


@dataclass(frozen=True, slots=True)
class Place:
    """Which file lies at a path, and how it looked: device, inode, size in bytes, time of change."""

    device: int
    inode: int
    size: int
    changed: int

    def same_file(self, other: Place | None) -> bool:
        """True where both are one file, whatever was written to it in between."""
        return other is not None and (self.device, self.inode) == (other.device, other.inode)


def place_of(path: Path) -> Place | None:
    """The file at a path; None where there is none."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Place(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


last_closed: dict[Path, Place | None] = {}  # what this process last left at a path


class Held:
    """An open connection, closed when its thread or its ledger is gone."""

    def __init__(
        self, connection: sqlite3.Connection, path: Path, place: Place, *, read_only: bool
    ) -> None:
        self.connection = connection
        self.path = path
        self.place = place
        self.read_only = read_only
        self.pid = os.getpid()

    def close(self) -> None:
        """Close the connection, or let go of a parent's."""
        if self.pid == os.getpid():
            self.connection.close()
            last_closed[self.path] = place_of(self.path)
        else:
            # a reference that is never given back: the interpreter would close it at its end
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self.connection))

    def __del__(self) -> None:
        with contextlib.suppress(sqlite3.Error):  # nobody is there to be told
            self.close()


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open a file (`ro`, `rw`, `rwc`; `immutable` for one that nobody writes to); raises sqlite3.Error."""
    query = "mode=ro&immutable=1" if mode == "immutable" else f"mode={mode}"
    # check_same_thread: an ended thread's connection may be collected by another one.
    # timeout: while opening, `patiently` does the waiting.
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{query}",
        uri=True,
        timeout=1,
        isolation_level=None,
        check_same_thread=False,
    )


def settle_in(connection: sqlite3.Connection, *, shared: bool) -> None:
    """What a connection that writes needs: durable commits, no old rows left behind in free space."""
    connection.execute(f"PRAGMA busy_timeout = {LOCK_TIMEOUT_S * 1000}")
    connection.execute(f"PRAGMA synchronous = {'EXTRA' if shared else 'FULL'}")
    connection.execute("PRAGMA fullfsync = ON")  # macOS: past the disk's own cache
    connection.execute("PRAGMA checkpoint_fullfsync = ON")
    connection.execute("PRAGMA secure_delete = ON")  # a pointer gone wrong finds no stale row
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute("PRAGMA foreign_keys = ON")


def patiently() -> Iterator[int]:
    """Attempts at what SQLite may refuse at once, without waiting, while another process opens or closes the file."""
    deadline = clock.monotonic() + LOCK_TIMEOUT_S
    for attempt in range(200):
        yield attempt
        if clock.monotonic() > deadline:
            return
        clock.sleep(0.01 + 0.001 * attempt)


@contextlib.contextmanager
def kept_if_damaged(held: Held) -> Iterator[None]:
    """Close a connection that cannot be made ready, unless it has to stay open until its file is set aside."""
    try:
        yield
    except Damaged as damage:
        damage.keep, damage.place = held, held.place
        raise
    except SQLITE_ERRORS as error:
        said = meaning(error, held.path)
        if not isinstance(said, Damaged):
            held.close()
            raise
        said.keep, said.place = held, held.place
        raise said from error
