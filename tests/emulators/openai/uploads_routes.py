"""Uploads: a file larger than one request may be, in parts; its total and its MD5 must come out right."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from ..serving.exchange import Call, FormFile, Reply, answer
from .book import Book
from .files_routes import check_name, check_purpose
from .records import Upload
from .refusals import Refusal


def create(book: Book, call: Call) -> Reply:
    """POST /v1/uploads"""
    body = call.json()
    for name, kind in (("filename", str), ("purpose", str), ("bytes", int), ("mime_type", str)):
        if not isinstance(body.get(name), kind) or isinstance(body[name], bool):
            raise Refusal(400, f"Missing required parameter: '{name}'.", param=name)
    purpose = check_purpose(body["purpose"])
    check_name(purpose, body["filename"])
    if not 1 <= body["bytes"] <= book.settings.max_upload_bytes:
        most = book.settings.max_upload_bytes
        raise Refusal(400, f"'bytes' must be from 1 to {most}.", param="bytes")
    expires = body.get("expires_after") or {}
    upload = Upload(
        id=book.next_id("upload"),
        owner=call.scope.owner,
        filename=body["filename"],
        purpose=purpose,
        size=body["bytes"],
        created=call.now,
        expires=call.now + timedelta(seconds=book.settings.upload_life_s),
        file_expires_after=expires.get("seconds"),
    )
    book.uploads[upload.id] = upload
    return answer(upload.shown())


def add_part(book: Book, call: Call) -> Reply:
    """POST /v1/uploads/ID/parts"""
    upload = _pending(book, call)
    data = (call.form or {}).get("data")
    if not isinstance(data, FormFile):
        raise Refusal(400, "Missing required parameter: 'data'.", param="data")
    if len(data.content) > book.settings.max_part_bytes:
        most = book.settings.max_part_bytes
        raise Refusal(400, f"A part is larger than {most} bytes.", param="data")
    if sum(map(len, upload.parts.values())) + len(data.content) > upload.size:
        raise Refusal(400, "The parts are larger than the upload was said to be.", param="data")
    id = book.next_id("part")
    upload.parts[id] = data.content
    return answer(
        {
            "id": id,
            "object": "upload.part",
            "created_at": int(call.now.timestamp()),
            "upload_id": upload.id,
        }
    )


def complete(book: Book, call: Call) -> Reply:
    """POST /v1/uploads/ID/complete: the parts in the order of `part_ids` are the file."""
    upload = _pending(book, call)
    body = call.json()
    ids = body.get("part_ids")
    if not isinstance(ids, list) or not ids or len(set(ids)) != len(ids):
        raise Refusal(400, "'part_ids' must name each part once.", param="part_ids")
    if unknown := [id for id in ids if id not in upload.parts]:
        raise Refusal(400, f"There is no part {unknown[0]!r}.", param="part_ids")
    content = b"".join(upload.parts[id] for id in ids)
    if len(content) != upload.size:
        raise Refusal(
            400,
            f"The parts have {len(content)} bytes, {upload.size} were announced.",
            param="bytes",
        )
    if body.get("md5") and body["md5"] != hashlib.md5(content).hexdigest():
        raise Refusal(400, "The MD5 of the parts is not the one given.", param="md5")
    upload.file = book.add_file(
        upload.owner,
        upload.filename,
        upload.purpose,
        content,
        call.now,
        expires_after=upload.file_expires_after,
    )
    upload.status = "completed"
    upload.parts.clear()
    book.made_file()
    return answer(upload.shown())


def cancel(book: Book, call: Call) -> Reply:
    """POST /v1/uploads/ID/cancel"""
    upload = _pending(book, call)
    upload.status = "cancelled"
    upload.parts.clear()
    return answer(upload.shown())


def _pending(book: Book, call: Call) -> Upload:
    """The upload while parts may still come; refused otherwise."""
    upload = book.uploads.get(call.id)
    if upload is None or upload.owner != call.scope.owner:
        raise Refusal(404, f"No such Upload object: {call.id}", param="upload_id")
    upload.advance(call.now)
    if upload.status != "pending":
        raise Refusal(400, f"The upload {upload.id} is {upload.status}.", param="upload_id")
    return upload
