"""Encoded rows, kept under their content hash before anything is asked of a provider.

A job can then be finished from the ledger alone, and the same file is never encoded or uploaded twice.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ftkit.errors import StorageError


@dataclass(frozen=True, slots=True)
class Spooled:
    """A file of encoded rows and the SHA-256 of its bytes."""

    path: Path
    sha256: str

    def values(self) -> dict[str, str]:
        """Plain values for the ledger."""
        return {"file": str(self.path), "sha256": self.sha256}


def spool(rows: Iterable[bytes], home: Path) -> Spooled:
    """Write rows as lines to `home/uploads/<sha256>`, readable by its owner only."""
    folder = home / "uploads"
    fresh = folder / f".{os.getpid()}.{os.urandom(4).hex()}"
    total = hashlib.sha256()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(
            os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=1 << 20
        ) as file:
            for row in rows:
                total.update(row)
                total.update(b"\n")
                file.write(row)
                file.write(b"\n")
            file.flush()
            os.fsync(file.fileno())
        path = folder / total.hexdigest()
        os.replace(fresh, path)
        _sync_folder(folder)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise StorageError(
            f"cannot write the rows to {folder}: {error.strerror}; free space there or set FTKIT_HOME"
        ) from error
    return Spooled(path, total.hexdigest())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
