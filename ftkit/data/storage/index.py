"""Where each row stands, in some 44 bytes a row: compact arrays, and nothing for numbers that only count up."""

from __future__ import annotations

from array import array

HASH = 32  # bytes of a SHA-256


class Index:
    """`numbers`, `lines` and `offsets` are for messages, `positions` and `lengths` find the bytes, `hashes` judge them.

    Numbers and lines are None as long as they are 1, 2, 3, ... Of rows that came from no file there are no lines and no
    offsets. Only added to while rows are read.
    """

    __slots__ = ("from_file", "hashes", "lengths", "lines", "numbers", "offsets", "positions")

    def __init__(self, from_file: bool) -> None:
        self.from_file = from_file
        self.numbers: array[int] | None = None
        self.lines: array[int] | None = None
        self.offsets: array[int] = array("Q")
        self.positions: array[int] = array("Q")
        self.lengths = array("I")
        self.hashes = bytearray()

    def add(
        self, number: int, line: int | None, offset: int | None, length: int, digest: bytes
    ) -> None:
        """One row, without its position."""
        count = len(self.lengths) + 1
        if self.numbers is not None or number != count:
            self.numbers = _spelled(self.numbers, count, number)
        if line is not None and offset is not None:
            if self.lines is not None or line != count:
                self.lines = _spelled(self.lines, count, line)
            self.offsets.append(offset)
        self.lengths.append(length)
        self.hashes += digest

    def number(self, at: int) -> int:
        """Its 1-based number in the file."""
        return at + 1 if self.numbers is None else self.numbers[at]

    def line(self, at: int) -> int | None:
        """Its 1-based line."""
        if not self.from_file:
            return None
        return at + 1 if self.lines is None else self.lines[at]

    def offset(self, at: int) -> int | None:
        """Where it begins in the text of the file, in bytes."""
        return self.offsets[at] if self.from_file else None

    def __len__(self) -> int:
        return len(self.lengths)

    def digest(self, index: int) -> bytes:
        """The SHA-256 of one row's bytes."""
        return bytes(self.hashes[HASH * index : HASH * (index + 1)])


def _spelled(values: array[int] | None, count: int, value: int) -> array[int]:
    if values is None:
        values = array("Q", range(1, count))
    values.append(value)
    return values
