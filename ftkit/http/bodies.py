"""The body of an answer, never more of it in memory than allowed.

The HTTP library inflates a whole chunk at once, so that 64 KiB on the wire become 64 MiB; here gzip is inflated in
small pieces, and the limit counts what came out of it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_PIECE = 64 * 1024
_KEPT = 8192  # bytes of a body that is of no use, for the message


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes, and what is wrong with them: "" where they are whole."""

    data: bytes | bytearray = field(repr=False)
    flaw: str = ""


def read_body(raw: Iterable[bytes], encoding: str, max_bytes: int) -> Body:
    """Read a body as it comes from the wire; `encoding` is its Content-Encoding. Network errors pass through."""
    encoding = encoding.strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        return Body(b"", "is encoded in a way that was not asked for")
    data = bytearray()
    pieces = _bounded(raw, max_bytes)
    try:
        for piece in _inflated(pieces) if "gzip" in encoding else pieces:
            data += piece
            if len(data) > max_bytes:
                raise _TooBig
    except _TooBig:
        return Body(bytes(data[:_KEPT]), f"is larger than {max_bytes:,} bytes")
    except zlib.error:
        return Body(bytes(data[:_KEPT]), "is damaged or cut (gzip)")
    return Body(data)


class _TooBig(Exception):
    pass


def _bounded(raw: Iterable[bytes], max_bytes: int) -> Iterator[bytes]:
    """Compressed bytes count too: a stream can go on for ever and inflate to nothing."""
    total = 0
    for chunk in raw:
        total += len(chunk)
        if total > max_bytes + _PIECE:
            raise _TooBig
        yield chunk


def _inflated(raw: Iterable[bytes]) -> Iterator[bytes]:
    stream = None
    for chunk in raw:
        piece = b""
        # a full piece may leave more behind, with no input left to show it
        while chunk or len(piece) == _PIECE:
            if stream is None or stream.eof:
                stream = zlib.decompressobj(16 + zlib.MAX_WBITS)  # gzip may have several members
            piece = stream.decompress(chunk, _PIECE)
            chunk = stream.unused_data if stream.eof else stream.unconsumed_tail
            if piece:
                yield piece
            if stream.eof and not chunk:
                break
    if stream is not None and not stream.eof:
        raise zlib.error("the stream ends early")
