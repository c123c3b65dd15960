"""Sending a file: in one request up to 512 MB, in parts above. The name at OpenAI carries the SHA-256 of the content.

The name is how `still_there` tells a file from another one of the same id and size; OpenAI gives no hash.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from ftkit.backend import Upload
from ftkit.errors import CapabilityError, FtkitError, NotFound, ProviderError, StorageError
from ftkit.http.replies import ident, inner, text, whole
from ftkit_openai.client import Client

if TYPE_CHECKING:
    from ftkit_openai import FamilySettings

MAX_UPLOAD_BYTES = 8_000_000_000
Purpose = Literal["fine-tune", "batch"]
_MIME = "application/jsonl"
_TIMEOUT_S = 600.0  # OpenAI reads the whole of it before it answers


class Uploading:
    """Files of one account, for one purpose."""

    def __init__(
        self, client: Client, settings: FamilySettings, purpose: Purpose = "fine-tune"
    ) -> None:
        self._purpose: Purpose = purpose
        self._client = client
        self._settings = settings

    def upload(self, file: Path, sha256: str) -> Upload:
        """Send a file; raises StorageError where it cannot be read, CapabilityError where it is too large."""
        size = self._size(file)
        if size > self._most_bytes:
            raise CapabilityError(
                f"{file} has {size:,} bytes, and {self._client.title} takes {self._most_bytes:,}; split the data"
            )
        whole_file = self._goes_whole(size)
        sent = self._at_once(file, sha256) if whole_file else self._in_parts(file, sha256, size)
        sent = self._ready(sent)
        arrived = whole(sent, "bytes")
        if arrived != size:
            raise ProviderError(
                f"{self._client.title} has {arrived:,} bytes of {file}, which has {size:,}"
            )
        return Upload(ident(sent, "id"), sha256, size)

    def still_there(self, upload: Upload) -> bool:
        """True where OpenAI has a file of this id with the same content."""
        try:
            found = self._client.read(
                "GET /files/ID", lambda sdk: sdk.files.with_raw_response.retrieve(upload.id)
            )
        except NotFound:
            return False
        same = text(found, "filename") == _name(upload.sha256)
        return same and whole(self._ready(found), "bytes") == upload.size

    def delete(self, upload: Upload) -> None:
        """Let OpenAI delete the file; one that is gone is fine."""
        try:
            self._client.read(
                "DELETE /files/ID", lambda sdk: sdk.files.with_raw_response.delete(upload.id)
            )
        except NotFound:
            return

    @property
    def _most_bytes(self) -> int:
        return MAX_UPLOAD_BYTES

    def _goes_whole(self, size: int) -> bool:
        return size <= self._settings.max_file_bytes

    def _size(self, file: Path) -> int:
        """How many bytes of it are sent."""
        return _size(file)

    def _opened(self, file: Path) -> BinaryIO:
        """What is sent of it."""
        return _opened(file)

    def _ready(self, file: dict[str, Any]) -> dict[str, Any]:
        """A file's object once a job can be made from it: at OpenAI that is at once."""
        return file

    def _at_once(self, file: Path, sha256: str) -> dict[str, Any]:
        with self._opened(file) as handle:
            return self._client.read(
                "POST /files",
                lambda sdk: sdk.files.with_raw_response.create(
                    file=(_name(sha256), handle), purpose=self._purpose, timeout=_TIMEOUT_S
                ),
            )

    def _in_parts(self, file: Path, sha256: str, size: int) -> dict[str, Any]:
        begun = self._client.read(
            "POST /uploads",
            lambda sdk: sdk.uploads.with_raw_response.create(
                bytes=size, filename=_name(sha256), mime_type=_MIME, purpose=self._purpose
            ),
        )
        id = ident(begun, "id")
        try:
            return self._parts_of(id, file)
        except FtkitError:
            self._give_up(id)
            raise

    def _parts_of(self, id: str, file: Path) -> dict[str, Any]:
        md5 = hashlib.md5(usedforsecurity=False)
        parts: list[str] = []
        with self._opened(file) as handle:
            while piece := _read(file, handle, self._settings.part_bytes):
                md5.update(piece)
                parts.append(self._part(id, piece))
        done = self._client.read(
            "POST /uploads/ID/complete",
            lambda sdk: sdk.uploads.with_raw_response.complete(
                id, part_ids=parts, md5=md5.hexdigest(), timeout=_TIMEOUT_S
            ),
        )
        return inner(done, "file")

    def _part(self, id: str, piece: bytes) -> str:
        reply = self._client.read(
            "POST /uploads/ID/parts",
            lambda sdk: sdk.uploads.parts.with_raw_response.create(
                id, data=piece, timeout=_TIMEOUT_S
            ),
        )
        return ident(reply, "id")

    def _give_up(self, id: str) -> None:
        """Let OpenAI forget the parts; where that fails they expire within the hour."""
        try:
            self._client.read(
                "POST /uploads/ID/cancel", lambda sdk: sdk.uploads.with_raw_response.cancel(id)
            )
        except FtkitError:
            return


def _name(sha256: str) -> str:
    return f"{sha256}.jsonl"


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise StorageError(f"cannot read {file}: {error.strerror}") from error


def _opened(file: Path) -> BinaryIO:
    try:
        return file.open("rb")
    except OSError as error:
        raise StorageError(f"cannot read {file}: {error.strerror}") from error


def _read(file: Path, handle: BinaryIO, size: int) -> bytes:
    try:
        return handle.read(size)
    except OSError as error:
        raise StorageError(f"cannot read {file}: {error.strerror}") from error
