"""Files: upload, list, retrieve, content, delete. What a file holds is looked at by the job, not here."""

from __future__ import annotations

from typing import Any

from ..serving.exchange import Call, FormFile, Reply, answer, raw
from .book import Book
from .listing import listed, page
from .refusals import Refusal

UPLOADABLE = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")


def create(book: Book, call: Call) -> Reply:
    """POST /v1/files"""
    form = call.form or {}
    file = form.get("file")
    if not isinstance(file, FormFile):
        raise Refusal(400, "Missing required parameter: 'file'.", param="file")
    purpose = check_purpose(form.get("purpose"))
    check_name(purpose, file.filename)
    if len(file.content) > book.settings.max_file_bytes:
        # The status is not documented; the limit and the other way (uploads) are.
        raise Refusal(
            413,
            f"The file is larger than {book.settings.max_file_bytes} bytes. Use the Uploads API.",
            code="file_too_large",
            param="file",
        )
    seconds = form.get("expires_after[seconds]")
    stored = book.add_file(
        call.scope.owner,
        file.filename,
        purpose,
        file.content,
        call.now,
        expires_after=int(seconds) if isinstance(seconds, str) else None,
    )
    book.made_file()
    return answer(stored.shown())


def listing(book: Book, call: Call) -> Reply:
    """GET /v1/files"""
    purpose, order = call.argument("purpose"), call.argument("order")
    found = [
        file
        for file in book.files.values()
        if file.owner == call.scope.owner and purpose in (None, file.purpose)
    ]
    found.sort(key=lambda file: file.seq, reverse=order != "asc")
    shown, more = page(call, found, lambda file: file.id, default=10_000, most=10_000)
    return answer(listed([file.shown() for file in shown], more, ends=True))


def retrieve(book: Book, call: Call) -> Reply:
    """GET /v1/files/ID"""
    return answer(book.file(call.id, call.scope.owner, call.now).shown())


def content(book: Book, call: Call) -> Reply:
    """GET /v1/files/ID/content: the bytes, which the contract calls a JSON string."""
    file = book.file(call.id, call.scope.owner, call.now)
    return raw(file.content, "application/octet-stream", "raw file content")


def delete(book: Book, call: Call) -> Reply:
    """DELETE /v1/files/ID"""
    file = book.file(call.id, call.scope.owner, call.now)
    del book.files[file.id]
    return answer({"id": file.id, "object": "file", "deleted": True})


def check_purpose(purpose: Any) -> str:
    """The purpose of a new file; refused where it is none of those that may be uploaded."""
    if purpose not in UPLOADABLE:
        raise Refusal(
            400,
            f"'{purpose}' is not one of {list(UPLOADABLE)} - 'purpose'",
            param="purpose",
        )
    return str(purpose)


def check_name(purpose: str, filename: str) -> None:
    """Training and batch files are JSONL, which the service reads from the name."""
    if purpose in ("fine-tune", "batch") and not filename.endswith(".jsonl"):
        api = "Fine-Tuning" if purpose == "fine-tune" else "Batch"
        raise Refusal(400, f"Invalid file format for {api} API. Must be .jsonl")
