"""gzip and Zstandard files as blocks of text. A block stays small whatever the file expands to."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from ftkit.errors import NotInstalled

_PACKED = 1 << 16  # compressed bytes read at once
_ZSTD_SLICE = (
    1 << 10
)  # four bytes can expand to 128 KB, and the library bounds no output: 32 MB a slice at most
_ZSTD_WINDOW = 1 << 27  # what a frame may ask to be kept in memory, bytes


class Damaged(Exception):
    """The compressed file ends too early or does not expand; what came before is good."""


def gunzip(file: BinaryIO, block: int) -> Iterator[bytes]:
    """All members, one after the other; each block has at most `block` bytes."""
    packed = file.read(_PACKED)
    while packed:
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            packed = packed or file.read(_PACKED)
            try:
                text = member.decompress(packed, block)
            except zlib.error as error:
                raise Damaged(str(error).rpartition(": ")[2]) from error
            if not (packed or text or member.eof):
                raise Damaged("it ends inside its compressed data")
            packed = member.unconsumed_tail
            if text:
                yield text
        packed = member.unused_data or file.read(_PACKED)
        while packed and not packed.strip(b"\0"):  # tapes and some tools fill up with zeros
            packed = file.read(_PACKED)


def unzstd(file: BinaryIO) -> Iterator[bytes]:
    """All frames, one after the other. Raises NotInstalled without the package that reads them."""
    try:
        import zstandard
    except ImportError as error:
        raise NotInstalled(
            "files named .zst are read with the package zstandard: pip install 'ftkit[data]'"
        ) from error
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    frame: Any = None
    while packed := file.read(_PACKED):
        for first in range(0, len(packed), _ZSTD_SLICE):
            rest = packed[first : first + _ZSTD_SLICE]
            while rest:
                frame = frame or decompressor.decompressobj()
                try:
                    text = frame.decompress(rest)
                except zstandard.ZstdError as error:
                    raise Damaged(str(error).rpartition(": ")[2]) from error
                rest = frame.unused_data if frame.eof else b""
                if frame.eof:
                    frame = None
                if text:
                    yield text
    if frame is not None:
        raise Damaged("it ends inside its compressed data")
