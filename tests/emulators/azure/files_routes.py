"""Files: OpenAI's rooms, with a check that takes its time and with the resource's limits.

A file is pending at first; whoever creates a job on it before it is processed is refused.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from ..openai import files_routes, uploads_routes
from ..serving.exchange import Call, Reply
from .book import Book
from .refusals import Refusal

BOM = b"\xef\xbb\xbf"


def create(book: Book, call: Call) -> Reply:
    """POST /openai/v1/files"""
    form = call.form or {}
    file = form.get("file")
    _refuse_by_limits(book, call.now, len(getattr(file, "content", b"")))
    return _made(book, files_routes.create(book, call))


def listing(book: Book, call: Call) -> Reply:
    """GET /openai/v1/files"""
    reply = files_routes.listing(book, call)
    for one in reply.data["data"]:
        _show(book, one, call.now)
    return reply


def retrieve(book: Book, call: Call) -> Reply:
    """GET /openai/v1/files/ID"""
    reply = files_routes.retrieve(book, call)
    _show(book, reply.data, call.now)
    return reply


def start_upload(book: Book, call: Call) -> Reply:
    """POST /openai/v1/uploads: the endpoint of a project has none."""
    if not book.settings.uploads:
        raise Refusal(404, "Resource not found", code="404")
    size = call.json().get("bytes")
    _refuse_by_limits(book, call.now, size if isinstance(size, int) else 0)
    return uploads_routes.create(book, call)


def complete_upload(book: Book, call: Call) -> Reply:
    """POST /openai/v1/uploads/ID/complete"""
    reply = uploads_routes.complete(book, call)
    _made(book, Reply(200, reply.data["file"]))
    return reply


def state(book: Book, id: str, now: datetime) -> str:
    """Where the check of a file is."""
    file = book.files[id]
    if id not in book.own_files:
        return "processed"
    if now < file.created + timedelta(seconds=book.settings.file_pending_s):
        return "pending"
    return "error" if book.settings.file_error and file.purpose == "fine-tune" else "processed"


def _made(book: Book, reply: Reply) -> Reply:
    """Note it; it is pending in this answer, however fast its check is."""
    id = reply.data["id"]
    book.own_files.add(id)
    book.bom_files += book.files[id].content.startswith(BOM)
    reply.data["status"] = "pending"
    return reply


def _show(book: Book, shown: dict[str, Any], now: datetime) -> None:
    shown["status"] = state(book, shown["id"], now)
    if shown["status"] == "error":
        shown["status_details"] = "The file is not in the expected format."


def _refuse_by_limits(book: Book, now: datetime, size: int) -> None:
    """The resource has room for so many files and bytes; with which error they are refused is not documented."""
    kept = [file for id, file in book.files.items() if id in book.own_files]
    if len(kept) >= book.settings.max_files:
        raise Refusal(400, f"The resource has {len(kept)} files already.", code="quotaExceeded")
    if sum(len(file.content) for file in kept) + size > book.settings.max_total_bytes:
        most = book.settings.max_total_bytes
        raise Refusal(400, f"All files together may have {most} bytes.", code="quotaExceeded")
