"""How objects come into a bucket: in one request (media, multipart), or in a session that goes on where it stopped.

A session's bytes are kept as they come; `bytes */TOTAL` asks how far it is, and 308 with a Range answers. Sums that a
client states (md5Hash, crc32c, x-goog-hash) must be those of the bytes, ifGenerationMatch=0 forbids to overwrite.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import timedelta
from typing import Any

from ..serving.exchange import Call, Reply, answer
from .book import Book
from .records import Session, StoredObject, crc32c, md5
from .refusals import StorageRefused

PIECE = 256 * 1024
RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


def begin(book: Book, call: Call) -> Reply:
    """POST upload b/BUCKET/o"""
    bucket = book.bucket(call.ids["bucket"], call.scope).name
    match = call.argument("ifGenerationMatch")
    kind = call.argument("uploadType")
    if kind == "media":
        about: dict[str, Any] = {"name": call.argument("name")}
        media, content = call.headers.get("content-type", ""), call.body
    elif kind == "multipart":
        about, media, content = _multipart(call)
    elif kind == "resumable":
        return _open(book, call, bucket, match)
    else:
        raise StorageRefused(400, f"Unknown upload type {kind!r}.")
    return answer(_keep(book, bucket, about, media, content, match).shown(book.url))


def go_on(book: Book, call: Call) -> Reply:
    """PUT upload b/BUCKET/o: bytes of a session, or the question how far it is."""
    session = _session(book, call)
    found = RANGE.fullmatch(call.headers.get("content-range", ""))
    if session.object is not None:
        return answer(session.object.shown(book.url))
    if found is None:
        if "content-range" in call.headers:
            raise StorageRefused(400, "Failed to parse Content-Range header.")
        first, total = 0, len(call.body)
    else:
        first = int(found[1]) if found[1] is not None else len(session.content)
        total = int(found[3]) if found[3] != "*" else -1
        if found[1] is not None and int(found[2]) - first + 1 != len(call.body):
            raise StorageRefused(400, "The body has not as many bytes as Content-Range says.")
    had = len(session.content)
    if first > had:
        raise StorageRefused(
            503,
            f"Invalid request.  According to the Content-Range header, the upload offset is {first} byte(s), which "
            f"exceeds already uploaded size of {had} byte(s).",
        )
    piece = call.body[had - first :]
    cut = book.cuts.pop(0) if book.cuts and call.body else None
    session.content += piece if cut is None else piece[:cut]
    if cut is not None:
        raise StorageRefused(503, "Backend Error")
    if total >= 0 and len(session.content) >= total:
        _check_header(call, session)
        session.object = _keep(
            book,
            session.bucket,
            session.about,
            session.media_type,
            bytes(session.content),
            session.generation_match,
        )
        return answer(session.object.shown(book.url))
    if call.body and len(call.body) % PIECE:
        raise StorageRefused(
            400, f"A piece that is not the last must be a multiple of {PIECE} bytes."
        )
    headers = {"range": f"bytes=0-{len(session.content) - 1}"} if session.content else {}
    return Reply(308, body=b"", headers=headers, deviates=frozenset(("upload session",)))


def give_up(book: Book, call: Call) -> Reply:
    """DELETE upload b/BUCKET/o: a session that is not wanted any more."""
    del book.sessions[_session(book, call).id]
    return Reply(499, body=b"", deviates=frozenset(("upload session",)))


def _open(book: Book, call: Call, bucket: str, match: str | None) -> Reply:
    about = _about(call.body or b"{}", call)
    _refuse_overwriting(book, bucket, about["name"], match)
    number = book.next_number("session")
    id = hashlib.sha256(f"session {number}".encode()).hexdigest()
    media = call.headers.get("x-upload-content-type", "application/octet-stream")
    book.sessions[id] = Session(id, bucket, about, media, match, call.now)
    place = f"{book.url}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={id}"
    return Reply(200, body=b"", headers={"location": place, "x-guploader-uploadid": id})


def _session(book: Book, call: Call) -> Session:
    session = book.sessions.get(call.argument("upload_id") or "")
    if session is None:
        raise StorageRefused(404, "There is no such upload.")
    if call.now - session.created > timedelta(seconds=book.settings.session_life_s):
        raise StorageRefused(404, "The upload has expired.")
    return session


def _multipart(call: Call) -> tuple[dict[str, Any], str, bytes]:
    found = re.search(r'boundary="?([^";]+)"?', call.headers.get("content-type", ""))
    if found is None:
        raise StorageRefused(400, "The body has no boundary.")
    edge = b"--" + found[1].encode()
    pieces = call.body.split(b"\r\n" + edge)
    if not call.body.startswith(edge) or len(pieces) != 3 or not pieces[2].startswith(b"--"):
        raise StorageRefused(400, "A multipart upload has exactly two parts.")
    heads, bodies = zip(*(piece.split(b"\r\n\r\n", 1) for piece in pieces[:2]), strict=True)
    kind = re.search(rb"content-type:\s*([^\r\n]+)", heads[1], re.IGNORECASE)
    return _about(bodies[0], call), kind[1].decode() if kind else "", bodies[1]


def _about(text: bytes, call: Call) -> dict[str, Any]:
    """What the client says of the object."""
    try:
        about = json.loads(text)
    except ValueError as error:
        raise StorageRefused(400, "Parse Error") from error
    about = {"name": call.argument("name"), **about}
    if not about["name"]:
        raise StorageRefused(400, "Required parameter: name")
    return about


def _keep(
    book: Book,
    bucket: str,
    about: dict[str, Any],
    media: str,
    content: bytes,
    match: str | None,
) -> StoredObject:
    """Keep what a client sent, unless its sums or its precondition are against it."""
    name = about.get("name")
    if not name:
        raise StorageRefused(400, "Required parameter: name")
    for field, own in (("md5Hash", md5), ("crc32c", crc32c)):
        if field in about and about[field] != own(content):
            raise StorageRefused(
                400,
                f"Provided {field} {about[field]!r} doesn't match calculated {own(content)!r}.",
            )
    _refuse_overwriting(book, bucket, name, match)
    book.objects_made += 1
    book.uploaded_bytes += len(content)
    kind = about.get("contentType") or media or "application/octet-stream"
    return book.put(bucket, name, content, kind, about.get("metadata") or {})


def _refuse_overwriting(book: Book, bucket: str, name: str, match: str | None) -> None:
    kept = book.objects.get((bucket, name))
    if match is not None and match != str(kept.generation if kept else 0):
        raise StorageRefused(412, "At least one of the pre-conditions you specified did not hold.")


def _check_header(call: Call, session: Session) -> None:
    """The sum that the last request states in its head, which newer clients send."""
    stated = call.headers.get("x-goog-hash", "")
    content = bytes(session.content)
    for field, own in (("md5", md5), ("crc32c", crc32c)):
        found = re.search(rf"\b{field}=([A-Za-z0-9+/=]+)", stated)
        if found and found[1] != own(content):
            raise StorageRefused(400, f"Provided {field} doesn't match that of the bytes.")
