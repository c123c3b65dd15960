"""`ledger.exists`, beside the ledger: that there has been one, and how many changes it had at least.

SQLite takes a lost or emptied file for a new ledger, and a log that was cut off for an older one; neither is an error to
it. This file tells them apart. It is written after each change without being forced to disk: after a power cut it may be
behind the ledger, never ahead of it. Each number has a place of its own, so that no process overwrites a later one.
"""

from __future__ import annotations

import hashlib
import logging
import os
import struct
from pathlib import Path

_TITLE = b"ftkit ledger: do not delete me\n\n"
_PLACES = 64
_SIZE = 16


class Marker:
    """The marker of one ledger."""

    def __init__(self, ledger: Path) -> None:
        self.path = ledger.with_name("ledger.exists")

    def exists(self) -> bool:
        """True once a ledger has been made here."""
        return self.path.exists()

    def make(self) -> None:
        """Write the marker, durably; raises OSError."""
        self.path.touch(mode=0o600)
        with self.path.open("r+b") as file:
            file.write(_TITLE)
            file.truncate(
                len(_TITLE) + _PLACES * _SIZE
            )  # the space is taken now, while there is some
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self.path.parent)

    def note(self, change: int) -> None:
        """Remember that this change is in the ledger. What cannot be noted is only found out later if it is lost."""
        try:
            with self.path.open("r+b") as file:
                file.seek(len(_TITLE) + change % _PLACES * _SIZE)
                file.write(_place(change))
        except OSError as error:
            logging.getLogger("ftkit").warning("cannot write %s: %s", self.path, error)

    def highest(self) -> int:
        """The latest change that was noted; 0 where nothing can be read."""
        try:
            content = self.path.read_bytes()[len(_TITLE) :]
        except FileNotFoundError:
            return 0
        places = [content[at : at + _SIZE] for at in range(0, len(content), _SIZE)]
        numbers = [struct.unpack(">Q", place[:8])[0] for place in places if len(place) == _SIZE]
        return max(
            (n for n, place in zip(numbers, places, strict=False) if place == _place(n)), default=0
        )


def sync_folder(folder: Path) -> None:
    """Make new names in a folder survive a power cut, where the system lets a folder be opened."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _place(number: int) -> bytes:
    packed = struct.pack(">Q", number)
    return packed + hashlib.blake2b(packed, digest_size=_SIZE - 8).digest()
