"""Files in a bucket of Cloud Storage, named by the SHA-256 of their content: sent in parts, and gone on with after a break.

The bucket's own requests are plain HTTP with the same credentials. An object is written only where none is, and its MD5 is
told before its bytes, so that Cloud Storage itself refuses what arrives damaged.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ftkit.backend import Unavailable, Upload
from ftkit.errors import (
    CapabilityError,
    ConfigError,
    FtkitError,
    NotFound,
    ProviderError,
    StorageError,
)
from ftkit.http import pages
from ftkit.http.exchange import Lost, Seen
from ftkit.http.replies import items, optional_text, text
from ftkit.http.shown import one_line
from ftkit_google.client import Client
from ftkit_google.names import parsed_object
from ftkit_google.verdicts import read_verdict

if TYPE_CHECKING:
    from ftkit_google import GoogleSettings

MAX_UPLOAD_BYTES = 1_000_000_000  # of a file of rows; Google says "1 GB"
_FOLDER = "ftkit"
_MIME = "application/jsonl"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_HAS = re.compile(r"bytes=0-(\d{1,15})")
_BREAKS = 5  # of one upload, each of them after which it goes on where it was


class Bucket:
    """The bucket that rows go to."""

    def __init__(self, client: Client, settings: GoogleSettings) -> None:
        self._client = client
        self._settings = settings
        self._sessions: dict[tuple[str, str], str] = {}

    @property
    def name(self) -> str:
        """The bucket's name; raises ConfigError where none is set."""
        given = self._settings.bucket or os.environ.get("FTKIT_GOOGLE_BUCKET") or ""
        name = given.removeprefix("gs://").rstrip("/")
        if not _BUCKET.fullmatch(name):
            said = (
                f"{one_line(given, 60)!r} is no name of a bucket" if given else "no bucket is named"
            )
            raise ConfigError(
                f"google: {said}; rows go into a bucket of yours in the region that tunes: set FTKIT_GOOGLE_BUCKET, or "
                "`bucket` in your user configuration"
            )
        return name

    def check(self) -> None:
        """Read the bucket as the upload will; raises CapabilityError where it is not there, AuthError where it is closed."""
        params = {"maxResults": "1", "prefix": f"{_FOLDER}/", "fields": "kind,items(name)"}
        try:
            self._read("GET", f"/storage/v1/b/{self.name}/o", params)
        except NotFound as error:
            raise CapabilityError(
                f"there is no bucket {self.name}; make it in or near the region that tunes: gcloud storage buckets create "
                f"gs://{self.name} --location={self._client.location}"
            ) from error

    def upload(self, file: Path, sha256: str) -> Upload:
        """Send a file, unless it is there; StorageError where it cannot be read, CapabilityError where it is too large."""
        size, md5 = _measured(file)
        if size > MAX_UPLOAD_BYTES:
            raise CapabilityError(
                f"{file} has {size:,} bytes, and Google takes {MAX_UPLOAD_BYTES:,}; split the data"
            )
        name = f"{_FOLDER}/{sha256}.jsonl"
        upload = Upload(f"gs://{self.name}/{name}", sha256, size)
        found = self._found(upload.id)
        if found is None:
            found = self._sent(file, name, size, md5)
        if (found.get("size"), found.get("md5Hash")) != (str(size), md5):
            raise ProviderError(
                f"{upload.id} is there with another content; delete it, then make the same call again"
            )
        return upload

    def still_there(self, upload: Upload) -> bool:
        """True where the bucket has the file, whole."""
        if not upload.id.endswith(f"/{upload.sha256}.jsonl") or parsed_object(upload.id) is None:
            return False
        found = self._found(upload.id)
        return found is not None and found.get("size") == str(upload.size)

    def delete(self, upload: Upload) -> None:
        """Delete the file; one that is gone is fine."""
        try:
            self._read("DELETE", _path(upload.id))
        except NotFound:
            return

    def fetch(self, uri: str, to: Path) -> str:
        """An object's content into `to`; returns its name."""
        about = self._read("GET", _path(uri))
        url = f"{self._client.storage}/download{_path(uri)}"
        self._client.save(f"GET {uri}", url, {"alt": "media"}, to)
        size, md5 = _measured(to)
        if text(about, "size") != str(size) or optional_text(about, "md5Hash") not in (None, md5):
            raise Unavailable(f"{uri} came damaged: {size:,} bytes of {text(about, 'size')}")
        return text(about, "name").rpartition("/")[2]

    def below(self, folder: str) -> Iterator[tuple[str, str]]:
        """Every object below gs://bucket/folder: its path from there, and its address."""
        place = parsed_object(f"{folder.rstrip('/')}/")
        if place is None:
            raise ProviderError("Google's folder of weights is no address in Cloud Storage")
        bucket, prefix = place
        what = f"GET {bucket}/o"

        def fetch(token: str | None) -> tuple[list[dict[str, Any]], str | None]:
            params = {"prefix": prefix} | ({"pageToken": token} if token else {})
            reply = self._read("GET", f"/storage/v1/b/{bucket}/o", params)
            listed = items(reply, "items") if reply.get("items") is not None else []
            return listed, optional_text(reply, "nextPageToken") or None

        for page in pages(fetch, what=what):
            for one in page:
                name = text(one, "name")
                if name.startswith(prefix) and not name.endswith("/"):
                    yield name.removeprefix(prefix), f"gs://{bucket}/{name}"

    def _found(self, uri: str) -> dict[str, Any] | None:
        try:
            return self._read("GET", _path(uri))
        except NotFound:
            return None

    def _sent(self, file: Path, name: str, size: int, md5: str) -> dict[str, Any]:
        """Begin an upload or go on with one that broke earlier in this process."""
        held = (self.name, name)
        session = self._sessions.get(held)
        has = None if session is None else self._has(session, size)
        if session is None or has is None:
            session, has = self._begun(name, size, md5), 0
            if session is None:
                return self._read("GET", _path(f"gs://{self.name}/{name}"))
            self._sessions[held] = session
        done = has if isinstance(has, dict) else self._parts(file, session, has, size)
        self._sessions.pop(held, None)
        return done if done is not None else self._read("GET", _path(f"gs://{self.name}/{name}"))

    def _begun(self, name: str, size: int, md5: str) -> str | None:
        """The address that the parts go to; None where somebody else has sent the same object meanwhile."""
        url = f"{self._client.storage}/upload/storage/v1/b/{self.name}/o"
        params = {"uploadType": "resumable", "name": name, "ifGenerationMatch": "0"}
        about = {"name": name, "contentType": _MIME, "md5Hash": md5}
        headers = {"X-Upload-Content-Type": _MIME, "X-Upload-Content-Length": str(size)}
        result, told = self._client.plain("POST", url, params=params, headers=headers, json=about)
        if isinstance(result, Seen) and result.status == 200 and told.get("location"):
            return str(told["location"])
        if isinstance(result, Seen) and result.status == 412:
            return None
        raise self._error(f"POST {self.name}/{name}", result)

    def _parts(self, file: Path, session: str, begin: int, size: int) -> dict[str, Any] | None:
        """Send from this byte on; None where somebody else has sent the same object meanwhile."""
        breaks, at = 0, begin
        while True:
            part = _read(file, at, self._settings.part_bytes)
            end = at + len(part)
            where = f"bytes {at}-{end - 1}/{size}" if part else f"bytes */{size}"
            result, told = self._put(session, where, part)
            now = _progress(result, told)
            if now is None and _may_go_on(result) and breaks < _BREAKS:
                breaks += 1
                asked = self._has(session, size)
                now = asked
            if isinstance(now, dict):
                return now
            if isinstance(result, Seen) and result.status == 412:
                return None
            if now is None or (now <= at and breaks >= _BREAKS):
                raise self._error(f"PUT {self.name}", result)
            breaks += now <= at
            at = now

    def _has(self, session: str, size: int) -> int | dict[str, Any] | None:
        """How many bytes of an upload have arrived; the object where all have, None where nothing is known of it."""
        result, told = self._put(session, f"bytes */{size}", b"")
        return _progress(result, told)

    def _put(self, session: str, where: str, part: bytes) -> tuple[Seen | Lost, Mapping[str, str]]:
        """Rows go only where the bucket lies, whatever address an answer has named."""
        if not session.startswith(f"{self._client.storage}/"):
            raise ProviderError("Cloud Storage's address for the upload leads to another host")
        headers = {"Content-Range": where, "Content-Type": _MIME}
        return self._client.plain("PUT", session, headers=headers, content=part)

    def _read(
        self, method: str, path: str, params: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        url = f"{self._client.storage}{path}"
        result, _ = self._client.plain(method, url, params=params)
        what = f"{method} {one_line(url.partition('://')[2], 200)}"
        verdict = read_verdict(what, result, empty_is_fine=method == "DELETE")
        if isinstance(verdict, FtkitError):
            raise verdict
        return verdict

    def _error(self, what: str, result: Seen | Lost) -> FtkitError:
        verdict = read_verdict(what, result)
        if isinstance(verdict, FtkitError):
            return verdict
        return ProviderError(f"{what}: the answer does not say where the upload goes on")


def _progress(result: Seen | Lost, told: Mapping[str, str]) -> int | dict[str, Any] | None:
    """Bytes that have arrived, or the object; None where the answer says neither."""
    if isinstance(result, Lost):
        return None
    if result.status in (200, 201) and result.reply is not None:
        return result.reply
    if result.status != 308:
        return None
    said = told.get("range")
    found = _HAS.fullmatch(said) if said else None
    if said and found is None:
        return None
    return int(found[1]) + 1 if found else 0


def _may_go_on(result: Seen | Lost) -> bool:
    """True where the part may have arrived, or may be sent again."""
    return isinstance(result, Lost) or result.status in (408, 429) or result.status >= 500


def _path(uri: str) -> str:
    place = parsed_object(uri)
    if place is None:
        raise NotFound(f"{one_line(uri, 100)!r} is no address of an object in Cloud Storage")
    return f"/storage/v1/b/{place[0]}/o/{quote(place[1], safe='')}"


def _measured(file: Path) -> tuple[int, str]:
    """Bytes, and the MD5 as Cloud Storage writes it."""
    try:
        with file.open("rb") as opened:
            digest = hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False))
            return opened.tell(), base64.b64encode(digest.digest()).decode()
    except OSError as error:
        raise StorageError(f"cannot read {file}: {error.strerror}") from error


def _read(file: Path, at: int, size: int) -> bytes:
    try:
        with file.open("rb") as opened:
            opened.seek(at)
            return opened.read(size)
    except OSError as error:
        raise StorageError(f"cannot read {file}: {error.strerror}") from error
