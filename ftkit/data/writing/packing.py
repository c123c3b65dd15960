"""A file to write bytes into, compressed on the way where its name says so. Equal rows give equal bytes: no time goes in."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from ftkit.errors import NotInstalled
from ftkit.whole_files import WholeFile

_LEVEL = 6  # what the command gzip takes; Python's own 9 costs twice the time for one hundredth


class Sink(Protocol):
    """Takes bytes."""

    def write(self, data: bytes, /) -> object:
        """All of them."""


@contextmanager
def packed(file: WholeFile, packing: str) -> Iterator[Sink]:
    """`file` itself, or what compresses into it; complete when the block ends, and `file` stays open."""
    if packing == ".gz":
        with gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) as small:
            yield small
    elif packing == ".zst":
        try:
            import zstandard
        except ImportError as error:
            raise NotInstalled(
                "files named .zst are written with the package zstandard: pip install 'ftkit[data]'"
            ) from error
        into: Any = file  # the package's types ask for more than it calls
        with zstandard.ZstdCompressor().stream_writer(into, closefd=False) as small:
            yield small
    else:
        yield file
