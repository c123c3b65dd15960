"""Batches: the requests of a file, answered together some time later at the batch price.

validating -> in_progress -> finalizing -> completed | failed | cancelled | expired; one looked at late has gone all the way.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from ..serving.clock import unix
from ..serving.exchange import Call, Reply, answer
from .book import Book
from .chat_routes import complete
from .create_rules import metadata
from .listing import listed, page
from .records import Account, Batch
from .refusals import Refusal, refusal
from .responses_routes import respond

ROOMS = {"/v1/chat/completions": complete, "/v1/responses": respond}
FINAL = ("completed", "failed", "cancelled", "expired")
MOST_REQUESTS = 50_000
LATE = "This request could not be executed before the completion window expired."


def create(book: Book, call: Call) -> Reply:
    """POST /v1/batches"""
    body = call.json()
    if body.get("endpoint") not in ROOMS:
        raise Refusal(
            400, f"The emulator has no batches for {body.get('endpoint')!r}.", param="endpoint"
        )
    if body.get("completion_window") != "24h":
        raise Refusal(
            400, "Invalid 'completion_window': '24h' expected.", param="completion_window"
        )
    if book.settings.quota == "insufficient":
        raise refusal("insufficient_quota")
    id = str(body.get("input_file_id"))
    file = book.file(id, call.scope.owner, call.now, param="input_file_id")
    if file.purpose != "batch":
        raise Refusal(400, f"{id} is not of the purpose 'batch'.", param="input_file_id")
    batch = Batch(
        id=book.next_id("batch"),
        seq=book.next_seq(),
        owner=call.scope.owner,
        endpoint=body["endpoint"],
        input_file=id,
        content=file.content,
        metadata=metadata(body),
        created=call.now,
        takes_s=book.settings.batch_s,
    )
    book.batches[batch.id] = batch
    return answer(_shown(batch))


def listing(book: Book, call: Call) -> Reply:
    """GET /v1/batches"""
    found = [batch for batch in book.batches.values() if batch.owner == call.scope.owner]
    found = [batch for batch in found if book.visible(batch.owner, batch.created, call.now)]
    found.sort(key=lambda batch: batch.seq, reverse=True)
    shown, more = page(call, found, lambda batch: batch.id, default=20, most=100)
    for batch in shown:
        advance(book, call.scope, batch, call.now)
    return answer(listed([_shown(batch) for batch in shown], more, ends=True))


def retrieve(book: Book, call: Call) -> Reply:
    """GET /v1/batches/ID"""
    return answer(_shown(_batch(book, call)))


def cancel(book: Book, call: Call) -> Reply:
    """POST /v1/batches/ID/cancel"""
    batch = _batch(book, call)
    if batch.status in FINAL:
        raise Refusal(400, f"Cannot cancel a batch with status '{batch.status}'.")
    batch.status = "cancelled"
    batch.moments["cancelling"] = batch.moments["cancelled"] = call.now
    return answer(_shown(batch))


def advance(book: Book, account: Account, batch: Batch, now: datetime) -> None:
    """Catch up with the clock: the second half of its time is work, the first is looking at the file."""
    half = timedelta(seconds=batch.takes_s / 2)
    if batch.status == "validating" and now >= batch.created + half:
        _validate(batch, batch.created + half)
    if batch.status == "in_progress" and now >= batch.created + 2 * half:
        done = batch.created + 2 * half
        _work(book, account, batch, done)
        batch.status = "completed" if batch.completed + batch.failed == batch.total else "expired"
        batch.moments["finalizing"] = batch.moments[batch.status] = done


def advance_all(book: Book, now: datetime) -> None:
    """Catch up with every batch, so that counts are true."""
    for account in book.accounts.values():
        for batch in list(book.batches.values()):
            if batch.owner == account.owner:
                advance(book, account, batch, now)


def _validate(batch: Batch, moment: datetime) -> None:
    seen = set()
    for number, line in enumerate(_lines(batch.content), 1):
        row, code = _row(line), None
        if row is None:
            code, message = "invalid_json_line", "This line is not parseable as valid JSON."
        elif row.get("url") != batch.endpoint or row.get("method") != "POST":
            code, message = "invalid_url", "The URL provided for this request does not match."
        elif not isinstance(row.get("custom_id"), str) or row["custom_id"] in seen:
            code, message = "duplicate_custom_id", "The custom_id of this request is not unique."
        if code is not None:
            batch.errors.append({"code": code, "message": message, "param": None, "line": number})
        seen.add((row or {}).get("custom_id"))
        batch.total += 1
    if not batch.total or batch.total > MOST_REQUESTS:
        text = f"A batch has 1 to {MOST_REQUESTS} requests."
        batch.errors.append({"code": "invalid_count", "message": text, "param": None, "line": None})
    batch.status = "failed" if batch.errors else "in_progress"
    batch.moments[batch.status] = moment


def _work(book: Book, account: Account, batch: Batch, moment: datetime) -> None:
    """Answer each row; what is refused goes into a file of its own."""
    call = Call("POST", batch.endpoint, batch.endpoint, "", (), {}, b"", None, moment, account)
    right: list[dict[str, Any]] = []
    wrong: list[dict[str, Any]] = []
    late: list[dict[str, Any]] = []
    lines = _lines(batch.content)
    kept = len(lines) if book.settings.batch_answers is None else book.settings.batch_answers
    for line in lines[kept:]:
        error = {"code": "batch_expired", "message": LATE}
        missed = {"id": book.next_id("batch_req"), "response": None, "error": error}
        late.append({**missed, "custom_id": json.loads(line)["custom_id"]})
    for line in lines[:kept]:
        row = json.loads(line)
        book.unjudged.append(("request", batch.endpoint, row["body"]))
        try:
            body = ROOMS[batch.endpoint](book, call, dict(row["body"]), batch=True)
            status, into = 200, right
            book.unjudged.append(("answer", batch.endpoint, body))
        except Refusal as error:
            status, body, into = error.status, error.body(), wrong
        into.append(
            {
                "id": book.next_id("batch_req"),
                "custom_id": row["custom_id"],
                "response": {
                    "status_code": status,
                    "request_id": book.next_id("req"),
                    "body": body,
                },
                "error": None,
            }
        )
    batch.completed, batch.failed = len(right), len(wrong)
    batch.output_file = _keep(book, batch, "output", right[::-1], moment)
    batch.error_file = _keep(book, batch, "error", wrong + late, moment)


def _keep(
    book: Book, batch: Batch, name: str, rows: list[dict[str, Any]], moment: datetime
) -> str | None:
    if not rows:
        return None
    content = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    file = book.add_file(batch.owner, f"{batch.id}_{name}.jsonl", "batch_output", content, moment)
    return file.id


def _batch(book: Book, call: Call) -> Batch:
    batch = book.batches.get(call.id)
    if batch is None or batch.owner != call.scope.owner:
        raise Refusal(404, f"No batch found with id '{call.id}'.")
    advance(book, call.scope, batch, call.now)
    return batch


def _lines(content: bytes) -> list[str]:
    """Lines end at a line feed and at nothing else that Unicode takes for an end."""
    return content.decode("utf-8", "replace").rstrip("\n").split("\n")


def _row(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) and isinstance(row.get("body"), dict) else None


def _shown(batch: Batch) -> dict[str, Any]:
    names = (
        "in_progress",
        "finalizing",
        "completed",
        "failed",
        "cancelling",
        "cancelled",
        "expired",
    )
    at = {name: batch.moments.get(name) for name in names}
    return {
        "id": batch.id,
        "object": "batch",
        "endpoint": batch.endpoint,
        "errors": {"object": "list", "data": batch.errors} if batch.errors else None,
        "input_file_id": batch.input_file,
        "completion_window": "24h",
        "status": batch.status,
        "output_file_id": batch.output_file,
        "error_file_id": batch.error_file,
        "created_at": unix(batch.created),
        "expires_at": unix(batch.created + timedelta(hours=24)),
        **{f"{name}_at": unix(moment) if moment else None for name, moment in at.items()},
        "request_counts": {
            "total": batch.total,
            "completed": batch.completed,
            "failed": batch.failed,
        },
        "metadata": batch.metadata,
    }
