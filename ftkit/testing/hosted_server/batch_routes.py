"""The routes of batches: questions of a file, one {"index", "body"} a line, answered together at half the price.

queued -> running -> succeeded, or expired with a part of the answers
queued, running -> cancelled
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from .book import Book
from .inference_routes import CHAT_FIELDS, answered
from .listing import page
from .records import Batch
from .replies import Call, Refusal, Reply, answer
from .training_routes import once, text_map

FIELDS = frozenset(("input_file", "metadata"))
FINAL = ("succeeded", "cancelled", "expired")


def create(book: Book, call: Call) -> Reply:
    """POST /v1/batches"""

    def make() -> Reply:
        asked = call.fields(FIELDS)
        try:
            file = book.file(asked.get("input_file"), call.organisation)
        except Refusal as error:
            raise Refusal(400, "unknown_file", str(error)) from error
        if not file.content:
            raise Refusal(400, "bad_purpose", f"{file.id} is no file of questions")
        id, seq = book.next_id("batch")
        metadata = text_map(asked.get("metadata"))
        made = Batch(id, seq, call.organisation, file.content, file.rows, call.now, metadata)
        book.batches[id] = made
        return answer(made.shown(), 201)

    return once(book, call, make)


def listing(book: Book, call: Call) -> Reply:
    """GET /v1/batches"""
    for batch in book.batches.values():
        if batch.organisation == call.organisation:
            advance(book, call, batch)
    return page(book, call, book.batches)


def get(book: Book, call: Call) -> Reply:
    """GET /v1/batches/ID"""
    return answer(_batch(book, call).shown())


def answers(book: Book, call: Call) -> Reply:
    """GET /v1/batches/ID/answers: newest first, so that nobody takes their order for that of the questions."""
    return answer({"data": _batch(book, call).answers[::-1]})


def cancel(book: Book, call: Call) -> Reply:
    """POST /v1/batches/ID/cancel"""
    batch = _batch(book, call)
    if batch.status in FINAL:
        raise Refusal(409, "already_finished", f"{batch.id} {batch.status} before")
    batch.status = "cancelled"
    return answer(batch.shown())


def advance(book: Book, call: Call, batch: Batch) -> None:
    """Catch up with the clock: all of the work is done at its end."""
    takes = timedelta(seconds=book.settings.batch_seconds)
    if batch.status == "queued" and call.now >= batch.created + takes / 2:
        batch.status = "running"
    if batch.status != "running" or call.now < batch.created + takes:
        return
    rows = [json.loads(line) for line in batch.content.split("\n") if line.strip()]
    most = book.settings.batch_answers
    kept = rows if most < 0 else rows[:most]
    batch.answers = [_row(book, call, row) for row in kept]
    expired = {"code": "expired", "message": "the time of the batch was over"}
    batch.answers += [{"index": row["index"], "error": expired} for row in rows[len(kept) :]]
    batch.status = "succeeded" if len(kept) == len(rows) else "expired"


def _row(book: Book, call: Call, row: dict[str, Any]) -> dict[str, Any]:
    try:
        if unknown := sorted(set(row["body"]) - CHAT_FIELDS):
            raise Refusal(400, "unknown_field", f"there is no field {unknown[0]!r}")
        said = answered(book, call, row["body"], batch=True)
    except Refusal as error:
        return {"index": row["index"], "error": {"code": error.code, "message": error.message}}
    return {"index": row["index"], **said}


def _batch(book: Book, call: Call) -> Batch:
    batch = book.batches.get(call.id)
    if batch is None or batch.organisation != call.organisation:
        raise Refusal(404, "not_found", f"there is no batch {call.id!r}")
    advance(book, call, batch)
    return batch
