"""Text on its way into a file: plain, gzip or Zstandard, the same bytes for the same text, with a hash of what is written."""

from __future__ import annotations

import gzip
import hashlib
from typing import Any

from ftkit.errors import NotInstalled
from ftkit.whole_files import WholeFile


class Sink:
    """Takes text for a file; without one only the hash of what would be in it is made. Raises StorageError."""

    def __init__(self, file: WholeFile | None, packing: str) -> None:
        self._hashed = _Hashed(file)
        self._packer = _packer(self._hashed, packing)

    def write(self, text: bytes) -> None:
        """The next piece of text."""
        self._packer.write(text)

    def finish(self) -> str:
        """Write what is left and give the SHA-256 of the file; nothing may be written after it."""
        if self._packer is not self._hashed:
            self._packer.close()
        self._hashed.flush()
        return self._hashed.total.hexdigest()


class _Hashed:
    def __init__(self, file: WholeFile | None) -> None:
        self._file = file
        self.total = hashlib.sha256()

    def write(self, data: Any) -> int:
        self.total.update(data)
        if self._file is not None:
            self._file.write(data)
        return len(data)

    def flush(self) -> None:
        if self._file is not None:
            self._file.flush()


def _packer(into: Any, packing: str) -> Any:
    if packing == "gzip":
        # no name and no time: the same text is the same file
        return gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=into, mtime=0)
    if packing == "zstd":
        try:
            import zstandard
        except ImportError as error:
            raise NotInstalled(
                "files named .zst are written with the package zstandard: pip install 'ftkit[data]'"
            ) from error
        return zstandard.ZstdCompressor(level=3).stream_writer(into, closefd=False)
    return into
