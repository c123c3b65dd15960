"""Training files at Azure: with a byte order mark, as its documentation wants them, and waited for until they are taken in."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ftkit import clock
from ftkit.backend import Upload
from ftkit.errors import CapabilityError, ProviderError
from ftkit.http import pages
from ftkit.http.replies import flag, ident, items, optional_text, optional_whole, text
from ftkit_azure.client import AzureClient
from ftkit_openai.uploading import Uploading

if TYPE_CHECKING:
    from ftkit_azure import AzureSettings

BOM = b"\xef\xbb\xbf"
_MOST_BYTES_IN_ALL = 1_000_000_000  # of a resource, by Azure's page of quotas; decimal on purpose
_MOST_FILES = 100
_MOST_AT_ONCE = 512_000_000
_PAGE = 100
_PIECE = 1024 * 1024
_TAKEN_IN_WITHIN_S = 1800.0
_WAITS = {"pending", "uploaded", "running", "notRunning", "importing", "processing"}
_FAILED = {"error", "failed", "canceled", "deleted", "deleting"}


class AzureUploading(Uploading):
    """Files of one resource."""

    def __init__(self, client: AzureClient, settings: AzureSettings) -> None:
        super().__init__(client, settings)
        self._pause_s = settings.poll_s
        self._azure = client

    def upload(self, file: Path, sha256: str) -> Upload:
        """Send a file and wait until jobs can be made of it; CapabilityError where the resource has no room for it."""
        self._room(file)
        sent = super().upload(file, sha256)
        return replace(sent, size=sent.size - len(BOM))

    def still_there(self, upload: Upload) -> bool:
        """True where Azure has a file of this id with the same content, and has taken it in."""
        return super().still_there(replace(upload, size=upload.size + len(BOM)))

    def _room(self, file: Path) -> None:
        size, held, files = self._size(file), 0, 0
        for one in self._listed():
            held += optional_whole(one, "bytes") or 0
            files += 1
        mend = "delete some that no job needs any more (`ftkit job delete-files ID`)"
        if held + size > _MOST_BYTES_IN_ALL:
            raise CapabilityError(
                f"{file} has {size:,} bytes, the resource holds {held:,} already, and Azure allows {_MOST_BYTES_IN_ALL:,} "
                f"in all; {mend}"
            )
        if files >= _MOST_FILES:
            raise CapabilityError(
                f"the resource holds {files} files, and Azure allows {_MOST_FILES}; {mend}"
            )

    def _listed(self) -> list[dict[str, Any]]:
        def fetch(cursor: str | None) -> tuple[list[dict[str, Any]], str | None]:
            after = {} if cursor is None else {"after": cursor}
            reply = self._client.read(
                "GET /files",
                lambda sdk: sdk.files.with_raw_response.list(limit=_PAGE, **after),
            )
            found = items(reply, "data")
            more = found and reply.get("has_more") is not None and flag(reply, "has_more")
            return found, text(found[-1], "id") if more else None

        return [one for page in pages(fetch, what="GET /files") for one in page]

    @property
    def _most_bytes(self) -> int:
        """A file has to fit into the resource; without the uploads API it has to go in one request."""
        return _MOST_AT_ONCE if self._azure.project else _MOST_BYTES_IN_ALL

    def _goes_whole(self, size: int) -> bool:
        """The route of a project answers 404 for the uploads API."""
        return self._azure.project is not None or super()._goes_whole(size)

    def _size(self, file: Path) -> int:
        return super()._size(file) + len(BOM)

    def _opened(self, file: Path) -> BinaryIO:
        return io.BufferedReader(_Marked(super()._opened(file)))

    def _ready(self, file: dict[str, Any]) -> dict[str, Any]:
        """Wait while Azure takes the file in: a create before that is refused."""
        id, until = ident(file, "id"), clock.monotonic() + _TAKEN_IN_WITHIN_S
        while (status := optional_text(file, "status")) in _WAITS:
            if clock.monotonic() > until:
                raise ProviderError(
                    f"the file {id} has been {status} at Azure for {_TAKEN_IN_WITHIN_S / 60:.0f} minutes; submit again later"
                )
            clock.sleep(self._pause_s)
            file = self._client.read(
                "GET /files/ID", lambda sdk: sdk.files.with_raw_response.retrieve(id)
            )
        if status in _FAILED:
            said = optional_text(file, "status_details") or "no reason is given"
            raise ProviderError(f"Azure has not taken in the file {id} ({status}): {said}")
        return file


def unmarked(file: Path) -> None:
    """Take the mark off a file, where there is one; in bounded memory, however large it is."""
    with file.open("r+b") as rows:
        if rows.read(len(BOM)) != BOM:
            return
        at = 0
        while piece := rows.read(_PIECE):
            rows.seek(at)
            rows.write(piece)
            at += len(piece)
            rows.seek(at + len(BOM))
        rows.truncate(at)


class _Marked(io.RawIOBase):
    """A file with the mark in front of it. It tells no file descriptor: the HTTP library would send its length."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_CUR:
            offset += self._at
        elif whence == os.SEEK_END:
            offset += self._file.seek(0, os.SEEK_END) + len(BOM)
        self._at = offset
        self._file.seek(max(0, offset - len(BOM)))
        return offset

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        given = BOM[self._at : self._at + len(view)] or self._file.read(len(view))
        view[: len(given)] = given
        self._at += len(given)
        return len(given)

    def close(self) -> None:
        self._file.close()
        super().close()
