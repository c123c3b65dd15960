"""Message batches: requests answered together some time later at half the price. They carry no metadata and no name.

in_progress -> ended, or in_progress -> canceling -> ended; each row then is succeeded, errored, canceled or expired.
Rows are only looked at when they are answered: a wrong one is an errored row, not a refused batch.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any

from ..serving.exchange import Call, Refusal, Reply, answer
from .book import Book
from .listing import listed, page
from .messages_routes import row
from .models import moment
from .records import DAY, Batch
from .refusals import APIRefusal, invalid, refusal

CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
MOST_REQUESTS = 100_000
JSONL = "application/x-jsonl"


def create(book: Book, call: Call) -> Reply:
    """POST /v1/messages/batches"""
    if len(call.body) > book.settings.max_batch_bytes:
        raise refusal("request_too_large")
    if book.settings.funds == "empty":
        raise refusal("billing_error")
    rows = _rows(call.json())
    takes = timedelta(seconds=book.settings.batch_s)
    answers = book.settings.batch_answers
    late = takes > DAY or (answers is not None and answers < len(rows))
    batch = Batch(
        id=book.next_id("msgbatch"),
        seq=book.next_seq(),
        account=call.scope,
        rows=rows,
        version=call.headers["anthropic-version"],
        created=call.now,
        ends=call.now + (DAY if late else takes),
        answers=answers if answers is not None else 0 if takes > DAY else None,
    )
    book.batches[batch.id] = batch
    book.custom_ids.update(custom_id for custom_id, _ in rows)
    return answer(_shown(batch, call))


def listing(book: Book, call: Call) -> Reply:
    """GET /v1/messages/batches, newest first"""
    mine = [batch for batch in book.batches.values() if batch.account.owner == call.scope.owner]
    found = [batch for batch in mine if book.visible(batch, call.now)]
    found.sort(key=lambda batch: batch.seq, reverse=True)
    shown, more = page(call, found, lambda batch: batch.id)
    for batch in shown:
        advance(book, batch, call.now)
    return answer(listed([_shown(batch, call) for batch in shown], more))


def retrieve(book: Book, call: Call) -> Reply:
    """GET /v1/messages/batches/ID"""
    return answer(_shown(_batch(book, call), call))


def cancel(book: Book, call: Call) -> Reply:
    """POST /v1/messages/batches/ID/cancel"""
    batch = _batch(book, call)
    if batch.state == "ended":
        raise invalid(f"Batch {batch.id} cannot be canceled because it has already ended.")
    if batch.state == "in_progress":
        batch.state, batch.cancelled = "canceling", call.now
        batch.ends = call.now + timedelta(seconds=book.settings.cancel_s)
        batch.answers = batch.answers or 0
    return answer(_shown(batch, call))


def delete(book: Book, call: Call) -> Reply:
    """DELETE /v1/messages/batches/ID"""
    batch = _batch(book, call)
    if batch.state != "ended":
        raise invalid(
            f"Batch {batch.id} cannot be deleted while it is processing; cancel it first."
        )
    batch.deleted = True
    return answer({"id": batch.id, "type": "message_batch_deleted"})


def results(book: Book, call: Call) -> Reply:
    """GET /v1/messages/batches/ID/results: a line of JSON for each row, in no order that could be relied on"""
    batch = _batch(book, call)
    if batch.state != "ended":
        raise APIRefusal(404, f"Batch {batch.id} has no results yet.")
    if batch.archived(call.now):
        raise APIRefusal(404, f"The results of batch {batch.id} are no longer available.")
    return lines(batch.results)


def lines(rows: list[Any]) -> Reply:
    """200 with a line of JSON for each row."""
    events = [json.dumps(one).encode() + b"\n" for one in rows]
    return Reply(200, media_type=JSONL, events=events, streamed=rows)


def advance(book: Book, batch: Batch, now: datetime) -> None:
    """Catch up with the clock: all rows end at once."""
    if batch.state != "ended" and now >= batch.ends:
        _work(book, batch, batch.ends)
        batch.state, batch.ended = "ended", batch.ends


def advance_all(book: Book, now: datetime) -> None:
    """Catch up with every batch, so that counts are true."""
    for batch in list(book.batches.values()):
        advance(book, batch, now)


def _rows(body: dict[str, Any]) -> list[tuple[str, Any]]:
    """custom_id and params of each request; refused where they cannot be told apart."""
    given = body.get("requests")
    if not isinstance(given, list) or not given:
        raise invalid("requests: List should have at least 1 item after validation, not 0")
    if len(given) > MOST_REQUESTS:
        raise invalid(f"requests: at most {MOST_REQUESTS} requests, not {len(given)}")
    if strange := sorted(set(body) - {"requests"}):
        raise invalid(f"{strange[0]}: Extra inputs are not permitted")
    seen: dict[str, Any] = {}
    for at, one in enumerate(given):
        custom_id = one.get("custom_id") if isinstance(one, dict) else None
        if not isinstance(custom_id, str) or not CUSTOM_ID.fullmatch(custom_id):
            raise invalid(
                f"requests.{at}.custom_id: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'"
            )
        if custom_id in seen:
            raise invalid(f"requests.{at}.custom_id: '{custom_id}' is not unique in the batch")
        if not isinstance(one.get("params"), dict):
            raise invalid(f"requests.{at}.params: Field required")
        seen[custom_id] = one["params"]
    return list(seen.items())


def _work(book: Book, batch: Batch, at: datetime) -> None:
    """Answer the rows that there is time for."""
    kept = len(batch.rows) if batch.answers is None else batch.answers
    missed = "expired" if batch.cancelled is None else "canceled"
    found = []
    for number, (custom_id, params) in enumerate(batch.rows):
        result: dict[str, Any] = {"type": missed}
        if number < kept:
            try:
                content = json.dumps(params).encode()
                message = row(book, batch.account, content, batch.version, at)
                result = {"type": "succeeded", "message": message}
            except Refusal as error:
                result = {"type": "errored", "error": error.body()}
        found.append({"custom_id": custom_id, "result": result})
    batch.results = found[::-1]


def _batch(book: Book, call: Call) -> Batch:
    batch = book.batches.get(call.id)
    if batch is None or batch.deleted or batch.account.owner != call.scope.owner:
        raise APIRefusal(404, f"Batch {call.id} not found.")
    advance(book, batch, call.now)
    return batch


def _shown(batch: Batch, call: Call) -> dict[str, Any]:
    ended = batch.state == "ended"
    archived = batch.archived(call.now)
    kinds = ("succeeded", "errored", "canceled", "expired")
    host = f"http://{call.headers['host']}"
    return {
        "id": batch.id,
        "type": "message_batch",
        "processing_status": batch.state,
        "request_counts": {
            "processing": 0 if ended else len(batch.rows),
            **{kind: batch.tally(kind) for kind in kinds},
        },
        "created_at": moment(batch.created),
        "expires_at": moment(batch.created + DAY),
        "cancel_initiated_at": moment(batch.cancelled) if batch.cancelled else None,
        "ended_at": moment(batch.ended) if batch.ended else None,
        "archived_at": moment(call.now) if archived else None,
        "results_url": f"{host}/v1/messages/batches/{batch.id}/results"
        if ended and not archived
        else None,
    }
