"""The bytes of a file cut into rows and what stands between them, so that a row that is not mended keeps its own.

Two passes over the text go side by side: the reader's, which judges rows, and the raw one, which cuts at its offsets.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ftkit.data.reading.files import endings
from ftkit.data.reading.records import ROW_LIMIT, Reading, Record
from ftkit.data.reading.text import Text
from ftkit.data.strict_json import STRUCTURE
from ftkit.errors import DataError, Fault, StorageError

_SPACE = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Cut:
    """One row: `gap` is what stands before it (of the first: all from the beginning), `data` its bytes.

    `record` is None where it cannot be read, for the reasons in `faults`. The last Cut of a file is its end: no row, and in
    `gap` what is left.
    """

    gap: bytes
    data: bytes
    row: int | None
    line: int | None
    offset: int | None
    record: Record | None
    faults: tuple[Fault, ...]


class Raw:
    """The text of a file from its beginning, taken piece by piece."""

    def __init__(self, text: Text) -> None:
        self._text, self._blocks = text, text.blocks()
        self._block, self._start = b"", 0
        self.at = text.start

    def until(self, offset: int) -> bytes:
        """All up to this byte of the text."""
        if offset - self.at > 2 * ROW_LIMIT:
            raise _too_much()
        return self._take(offset - self.at)

    def rest(self) -> bytes:
        """All that is left."""
        taken = self._take(2 * ROW_LIMIT)
        if self._take(1):
            raise _too_much()
        if self._text.damage is not None:
            raise DataError(f"{self._text.damage}; fetch or write it again")
        return taken

    def _take(self, size: int) -> bytes:
        parts = []
        while size:
            piece = self._block[self._start : self._start + size]
            self._start += len(piece)
            self.at += len(piece)
            size -= len(piece)
            parts.append(piece)
            if size:
                self._block, self._start = next(self._blocks, b""), 0
                if not self._block:
                    break
        return parts[0] if len(parts) == 1 else b"".join(parts)


@contextmanager
def opened(path: Path) -> Iterator[Text]:
    """The text of a file. Raises StorageError where it cannot be read."""
    try:
        file = path.open("rb", buffering=0)
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}") from error
    with file:
        yield Text(file, endings(path)[1])


def cuts(reading: Reading, text: Text, suffix: str) -> Iterator[Cut]:
    """Every row in order, then the end."""
    raw = Raw(text)
    gap, held = b"", None
    for found in _rows(reading):
        assert found.offset is not None
        if held is None:
            gap = raw.until(found.offset)
        else:
            data, after = _parted(held, raw.until(found.offset), suffix, last=False)
            yield replace(held, gap=gap, data=data)
            gap = after
        held = found
    if held is not None:
        data, after = _parted(held, raw.rest(), suffix, last=True)
        yield replace(held, gap=gap, data=data)
        gap = after
    yield Cut(gap, b"", None, None, None, None, ())


def _rows(reading: Reading) -> Iterator[Cut]:
    """The reader's rows, the faults of one row together."""
    faulty: Cut | None = None
    for item in reading:
        if isinstance(item, Fault):
            if faulty is not None and faulty.row == item.row:
                faulty = replace(faulty, faults=(*faulty.faults, item))
                continue
            if faulty is not None:
                yield faulty
            faulty = Cut(b"", b"", item.row, item.line, item.offset, None, (item,))
            continue
        if faulty is not None:
            yield faulty
            faulty = None
        yield Cut(b"", b"", item.row, item.line, item.offset, item, ())
    if faulty is not None:
        yield faulty


def _parted(row: Cut, chunk: bytes, suffix: str, last: bool) -> tuple[bytes, bytes]:
    """The bytes of a row, and those between it and what comes next; `chunk` begins with the row."""
    if row.record is not None and suffix in (".jsonl", ".json"):
        size = len(row.record.data)
        if chunk[:size] != row.record.data:
            raise DataError("the file changed while it was read; mend it again when it is written")
    elif suffix == ".json":
        size = _element(row, chunk, last)
    elif suffix == ".jsonl":
        size = len(chunk.rstrip(_SPACE))
    else:
        size = len(chunk.rstrip(b"\r\n"))
        if row.record is None and b"\n" in chunk[:size]:
            raise _kept(row, "it may go over several lines, and good rows with it")
    if size > ROW_LIMIT:
        raise _kept(row, f"it has more than {ROW_LIMIT >> 20} MB")
    return chunk[:size], chunk[size:]


def _element(row: Cut, chunk: bytes, last: bool) -> int:
    """The size of an element of an array that cannot be read, without the comma or bracket after it."""
    body, end = chunk.rstrip(_SPACE), b"]" if last else b","
    if not body.endswith(end):
        raise _kept(row, "where it ends is not certain")
    size = len(body[:-1].rstrip(_SPACE))
    depth = 0
    for match in STRUCTURE.finditer(chunk[:size]):
        token = match.group()
        depth += token in (b"[", b"{")
        depth -= token in (b"]", b"}")
        unclosed = token[:1] == b'"' and (len(token) == 1 or not token.endswith(b'"'))
        if depth < 0 or (token == b"," and not depth) or unclosed:
            raise _kept(row, "where it ends is not certain")
    if depth:
        raise _kept(row, "where it ends is not certain")
    return size


def _kept(row: Cut, why: str) -> DataError:
    return DataError(
        f"row {row.row} cannot be read and is not dropped: {why}; mend it by hand", row.faults
    )


def _too_much() -> DataError:
    return DataError(
        f"there are more than {2 * ROW_LIMIT >> 20} MB between two rows that can be read; mend the file by hand"
    )
