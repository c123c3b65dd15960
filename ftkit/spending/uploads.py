"""A spooled file at its provider: the one that is there already, or sent now."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Protocol

from ftkit.backend import Upload
from ftkit.errors import StorageError
from ftkit.ledger import Ledger, State
from ftkit.patience import patiently


class Holds(Protocol):
    """What holds files at a provider."""

    def upload(self, file: Path, sha256: str) -> Upload: ...

    def still_there(self, upload: Upload) -> bool: ...


def uploaded(
    ledger: Ledger, files: Holds, *, instance: str, scope: str, key: str, file: Path, sha256: str
) -> Upload:
    """The file at the provider, for the prepared intent `key`; StorageError where it is not what was spooled."""
    known = ledger.upload(scope, sha256)
    if known is not None and patiently(instance, lambda: files.still_there(known)):
        ledger.tell(key, "upload reused", f"{known.id}, {known.size:,} bytes")
        return known
    _unchanged(file, sha256)
    ledger.move(key, State.UPLOADING, only_from=(State.PREPARED, State.UPLOADING))
    sent = patiently(instance, lambda: files.upload(file, sha256))
    ledger.keep_upload(scope, sent)
    ledger.tell(key, "uploaded", f"{sent.id}, {sent.size:,} bytes")
    return sent


def _unchanged(file: Path, sha256: str) -> None:
    try:
        with file.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise StorageError(
            f"{file} cannot be read: {error.strerror}; make the same call again"
        ) from error
    if found != sha256:
        raise StorageError(
            f"{file} is not what was written there (SHA-256 {found[:12]}); make the same call again"
        )
