"""The text of a file as bytes, block by block, whatever it is packed in. Offsets count from its first byte.

A compressed file that ends too early is no exception here: the blocks end, and `damage` says why, so that the reader can
name the row in which it happened and every fault before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from ftkit.data.reading.packed import Damaged, gunzip, unzstd

BLOCK = 1 << 20  # bytes
UTF8_MARK = b"\xef\xbb\xbf"
_SAMPLE = 256  # bytes; enough to tell the two halves of UTF-16 apart


class Text:
    """One pass over an open file; `packing` is "", "gzip" or "zstd". `start` is where the text begins."""

    def __init__(self, file: BinaryIO, packing: str = "") -> None:
        self._file, self._packing = file, packing
        self._parts = self._unpacked()
        self.damage: str | None = None
        self.head = self._take()
        self.start = len(UTF8_MARK) if self.head.startswith(UTF8_MARK) else 0

    def blocks(self) -> Iterator[bytes]:
        """Everything from `start` on; no block is empty."""
        block, self.head = self.head[self.start :], b""
        while block:
            yield block
            block = self._take()

    def _unpacked(self) -> Iterator[bytes]:
        if self._packing == "gzip":
            return gunzip(self._file, BLOCK)
        if self._packing == "zstd":
            return unzstd(self._file)
        return iter(lambda: self._file.read(BLOCK), b"")

    def _take(self) -> bytes:
        """The next block; small parts, as of a gzip file of many members, are joined."""
        parts, size = [], 0
        try:
            for part in self._parts:
                parts.append(part)
                size += len(part)
                if size >= BLOCK:
                    break
        except Damaged as damage:
            self.damage = f"the {self._packing} file is cut or damaged ({damage})"
        return parts[0] if len(parts) == 1 else b"".join(parts)


def wide(head: bytes) -> str | None:
    """UTF-16 or UTF-32, where the file begins in it, with or without a byte order mark."""
    if head.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return "UTF-32"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16"
    sample = head[:_SAMPLE]
    for first, name in ((0, "big-endian"), (1, "little-endian")):
        half, other = sample[first::2], sample[1 - first :: 2]
        # JSON and headers begin in ASCII: nearly every other byte is 0 then, and nearly none between them
        if (
            len(half) > 1
            and half.count(0) * 10 >= len(half) * 9
            and other.count(0) * 10 <= len(other)
        ):
            return f"UTF-16 ({name}, without a byte order mark)"
    return None
