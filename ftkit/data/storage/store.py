"""The rows of one source, found again by their index and judged by their hash. Written once, then only read."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from ftkit.data.storage.index import Index
from ftkit.data.storage.places import InFile, InMemory, OpenFile, Place
from ftkit.errors import DataError, Fault, StorageError

KEPT_IN_MEMORY = 8 << 20  # bytes of one data set's rows


@dataclass(frozen=True, slots=True)
class Row:
    """Where a row stands: 1-based record `number` and `line`, `offset` in bytes; `sha256` of its own bytes.

    `line` and `offset` are None for rows that came from no file. Offsets in a compressed file count its text. `source` is
    what it was loaded from. In a concatenated data set numbers go on, and `origin` has the row as its own source counts it.
    """

    number: int
    line: int | None
    offset: int | None
    sha256: str
    source: str = field(default="", compare=False)  # the same rows in another file are equal
    origin: Row | None = field(default=None, compare=False)


class Store:
    """Rows by their 0-based place among those of the source. Raises DataError where they are not what they were."""

    __slots__ = ("_place", "index", "source")

    def __init__(self, source: str, index: Index, place: Place) -> None:
        self.source, self.index, self._place = source, index, place

    def __len__(self) -> int:
        return len(self.index)

    def row(self, at: int) -> Row:
        """Where it stands."""
        index = self.index
        place = index.number(at), index.line(at), index.offset(at)
        return Row(*place, index.digest(at).hex(), self.source)

    def place(self, at: int) -> tuple[int, int]:
        """(part, place in it), as in rows of several sources: of one there is one part."""
        return 0, at

    def digest(self, at: int) -> bytes:
        """The SHA-256 of its bytes."""
        return self.index.digest(at)

    def record(self, at: int) -> bytes:
        """Its bytes, as they were when they were loaded."""
        index = self.index
        try:
            data = self._place.read(index.positions[at], index.lengths[at])
        except FileNotFoundError:
            data = b""
        except OSError as error:
            raise StorageError(
                f"{self.source} cannot be read: {error.strerror or error}"
            ) from error
        moved = self._place.moved
        if moved is not None and hashlib.sha256(data).digest() != index.digest(at):
            row = self.row(at)
            raise DataError(
                f"{self.source}: row {row.number} is not what it was",
                [Fault(moved, row=row.number, line=row.line, offset=row.offset)],
            )
        return data

    def taken(self, picks: Sequence[int]) -> Store:
        """Only these rows, as they travel to another process: by the name of their file, else by their bytes."""
        old, in_file = self.index, isinstance(self._place, InFile)
        index = Index(old.from_file)
        data = bytearray()
        for at in picks:
            length = old.lengths[at]
            index.add(old.number(at), old.line(at), old.offset(at), length, old.digest(at))
            index.positions.append(old.positions[at] if in_file else len(data))
            if not in_file:
                data += self.record(at)
        return Store(self.source, index, self._place if in_file else InMemory(data))

    def __reduce__(self) -> tuple[type[Store], tuple[str, Index, Place]]:
        return type(self), (self.source, self.index, self._place)


class Writer:
    """Takes rows in and becomes their Store. With a `path` the rows are in that file, as they are, at their offsets."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._index: Index | None = None
        self._memory: bytearray | None = bytearray()
        self._spool: BinaryIO | None = None
        self._size = 0

    def __len__(self) -> int:
        return 0 if self._index is None else len(self._index)

    def add(self, data: bytes, number: int, line: int | None, offset: int | None) -> None:
        """One row; its number, line and offset are kept for messages."""
        index = self._index
        if index is None:
            index = self._index = Index(from_file=offset is not None)
        length = len(data)
        index.add(number, line, offset, length, hashlib.sha256(data).digest())
        if index.positions is not index.offsets:
            index.positions.append(self._size)
        self._size += length
        if self._memory is not None:
            self._memory += data
            if self._size > KEPT_IN_MEMORY:
                self._move_out(index)
        elif self._spool is not None:
            self._write(data)

    def store(self, source: str) -> Store:
        """All that was added."""
        place: Place
        if self._memory is not None:
            place = InMemory(self._memory)
        elif self._spool is not None:
            self._write(b"", last=True)
            place = OpenFile(self._spool)
        else:
            assert self._path is not None
            place = InFile(self._path)
        return Store(source, self._index or Index(from_file=False), place)

    def _move_out(self, index: Index) -> None:
        """Too large to be kept: from now on the rows are in their own file, or in a temporary one without a name."""
        data, self._memory = self._memory, None
        if self._path is not None:
            index.positions = index.offsets
            return
        try:
            self._spool = tempfile.TemporaryFile(prefix="ftkit-rows-")  # noqa: SIM115
        except OSError as error:
            raise _no_space(error) from error
        self._write(data or b"")

    def _write(self, data: bytes | bytearray, last: bool = False) -> None:
        assert self._spool is not None
        try:
            self._spool.write(data)
            if last:
                self._spool.flush()
        except OSError as error:
            self._spool.close()
            raise _no_space(error) from error


def _no_space(error: OSError) -> StorageError:
    return StorageError(
        f"the rows do not fit into the temporary folder {tempfile.gettempdir()} ({error.strerror or error}); make "
        "room there, or name another folder with TMPDIR"
    )
