"""Where bytes of rows lie: in memory, in the file they were loaded from, or in a temporary file without a name.

`read` may be called from any thread and after a fork: no place has a cursor that two could move.
"""

from __future__ import annotations

import os
import threading
import weakref
from pathlib import Path
from typing import BinaryIO, Protocol

_PREAD = getattr(os, "pread", None)  # Windows has none: there the cursor is moved under a lock


class Place(Protocol):
    """Bytes by their position; `moved` says what happened where they are not what they were, None where they must be."""

    moved: str | None

    def read(self, position: int, length: int) -> bytes:
        """The bytes there, fewer where there are no more. Raises OSError."""


class InMemory:
    """For what is small: it cannot change."""

    moved: str | None = None

    def __init__(self, data: bytes | bytearray) -> None:
        self._data = bytes(data)

    def read(self, position: int, length: int) -> bytes:
        """The bytes there."""
        return self._data[position : position + length]


class OpenFile:
    """An open file, closed when nothing uses it any more."""

    moved: str | None = "the temporary copy of the rows was damaged; load the data again"

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lock = threading.Lock()
        weakref.finalize(self, file.close)

    def read(self, position: int, length: int) -> bytes:
        """The bytes there."""
        if _PREAD is not None:
            found: bytes = _PREAD(self._file.fileno(), length, position)
            while len(found) < length and (more := self._more(position + len(found), length)):
                found += more
            return found
        with self._lock:
            self._file.seek(position)
            return self._file.read(length)

    def _more(self, position: int, length: int) -> bytes:
        assert _PREAD is not None
        more: bytes = _PREAD(self._file.fileno(), length, position)
        return more


class InFile:
    """The file that was loaded, opened at the first access, by its name: pickled it is a path."""

    moved: str | None = "the file changed since it was loaded; load it again"

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._open: OpenFile | None = None
        self._lock = threading.Lock()

    def read(self, position: int, length: int) -> bytes:
        """The bytes there."""
        if self._open is None:
            with self._lock:
                if self._open is None:
                    self._open = OpenFile(self.path.open("rb", buffering=0))
        return self._open.read(position, length)

    def __reduce__(self) -> tuple[type[InFile], tuple[Path]]:
        return type(self), (self.path,)
