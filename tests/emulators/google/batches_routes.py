"""Batches: rows {"request": ...} in, rows {"status", "processed_time", "request", "response"} out, in no promised order.

Answers are written from the last row to the first, beside the request as it was; a setting repeats the rest of the row.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from ..serving.exchange import Call, Refusal, Reply, answer
from . import generate_routes
from .batches import Batch
from .bodies import plain
from .book import Book
from .create_rules import GS, labels
from .listing import filtered, page
from .prices import BASES
from .records import stamp
from .refusals import RPC_CODES, Refused
from .served import Served


def create(book: Book, call: Call) -> Reply:
    """POST batchPredictionJobs"""
    body = plain(call.json())
    labels(body.get("labels"))
    location = call.ids["region"]
    uris = (body["inputConfig"].get("gcsSource") or {}).get("uris") or []
    prefix = (body["outputConfig"].get("gcsDestination") or {}).get("outputUriPrefix", "")
    if body["inputConfig"].get("instancesFormat") != "jsonl" or len(uris) != 1:
        raise Refused(400, "The input must be one JSONL file in Cloud Storage.")
    if not GS.fullmatch(f"{prefix.rstrip('/')}/x"):
        raise Refused(400, f"{prefix!r} is not a Cloud Storage directory.")
    _model(book, call, body.get("model", ""))
    data = book.data(uris[0], call.scope.project)
    fault = (RPC_CODES[data.fault[0]], data.fault[1]) if data.fault else None
    rows: list[Any] = []
    try:
        rows = [json.loads(line) for line in data.content.splitlines() if line.strip()]
    except ValueError:
        fault = (RPC_CODES["INVALID_ARGUMENT"], f"{uris[0]} is not JSONL.")
    batch = Batch(
        id=book.next_digits("batches"),
        seq=book.next_seq(),
        project=call.scope.project,
        location=location,
        body=body,
        rows=rows,
        fault=fault,
        created=call.now,
        takes_s=book.settings.batch_s,
    )
    book.batches[batch.id] = batch
    return answer(_shown(book, batch))


def listing(book: Book, call: Call) -> Reply:
    """GET batchPredictionJobs: newest first."""
    found = [
        batch
        for batch in book.batches.values()
        if (batch.project, batch.location) == (call.scope.project, call.ids["region"])
        and book.visible(batch.created, call.now)
    ]
    for batch in found:
        advance(book, call, batch)
    found.sort(key=lambda batch: batch.seq, reverse=True)
    found = filtered(call, found, lambda batch: batch.labels, lambda batch: batch.state)
    rows, token = page(call, found)
    data: dict[str, Any] = {"nextPageToken": token} if token else {}
    if rows:
        data["batchPredictionJobs"] = [_shown(book, batch) for batch in rows]
    return answer(data)


def retrieve(book: Book, call: Call) -> Reply:
    """GET batchPredictionJobs/ID"""
    return answer(_shown(book, _batch(book, call)))


def cancel(book: Book, call: Call) -> Reply:
    """POST batchPredictionJobs/ID:cancel"""
    batch = _batch(book, call)
    if not batch.active:
        raise Refused(400, "The BatchPredictionJob has ended.", code="FAILED_PRECONDITION")
    batch.end("CANCELLED", call.now, (1, "The job was cancelled."))
    return answer({})


def advance(book: Book, call: Call, batch: Batch) -> None:
    """Catch up with the clock."""
    if not batch.active:
        return
    if call.now < batch.due:
        batch.state = "RUNNING" if call.now > batch.created else "QUEUED"
        return
    if batch.fault is not None:
        batch.end("FAILED", batch.due, batch.fault)
        return
    model = _model(book, call, batch.body["model"])
    lines = [_answered(book, call, model, batch, row) for row in reversed(batch.rows)]
    prefix = batch.body["outputConfig"]["gcsDestination"]["outputUriPrefix"].rstrip("/")
    batch.output = f"{prefix}/prediction-model-{batch.due:%Y-%m-%dT%H:%M:%S.%fZ}"
    place = re.fullmatch(r"gs://([^/]+)/(.+)", f"{batch.output}/predictions.jsonl")
    assert place is not None
    content = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    book.put(place[1], place[2], content, "application/octet-stream", {})
    batch.end("SUCCEEDED", batch.due)


def _answered(book: Book, call: Call, model: Served, batch: Batch, row: Any) -> dict[str, Any]:
    inner = replace(call, now=batch.due)
    request = row.get("request") if isinstance(row, dict) else None
    keys = row if isinstance(row, dict) and book.settings.batch_keys else {}
    found: dict[str, Any] = {**keys, "request": request}
    found["processed_time"] = stamp(batch.due)
    book.unjudged.append(("request", request))
    try:
        if not isinstance(request, dict):
            raise Refused(400, "The row has no request.")
        found["response"] = generate_routes.generate(book, inner, model, request, batch=True)
        found["status"] = ""
        book.unjudged.append(("answer", found["response"]))
        batch.done += 1
    except Refusal as error:
        found["status"] = f"Bad Request: {json.dumps(error.body())}"
        found["response"] = {}
        batch.failed += 1
    return found


def _batch(book: Book, call: Call) -> Batch:
    batch = book.batches.get(call.id)
    if batch is None or (batch.project, batch.location) != (call.scope.project, call.ids["region"]):
        raise Refused(404, f"The BatchPredictionJob does not exist. id: {call.id}.")
    advance(book, call, batch)
    return batch


def _model(book: Book, call: Call, name: str) -> Served:
    """A base, or a tuned model by its model's name, in the location of the batch."""
    location = call.ids["region"]
    base = BASES.get(name.removeprefix("publishers/google/models/"))
    if name.startswith("publishers/google/models/") and base is not None and not base.open:
        return Served(base, None, location)
    found = re.fullmatch(r"projects/([^/]+)/locations/([^/]+)/models/(\d+)(?:@.+)?", name)
    for job in book.tuned(call.scope.project, call.now) if found else ():
        if found and (job.model, job.serving, location) == (found[3], found[2], found[2]):
            return Served(job.base, job, location)
    raise Refused(400, f"The model {name!r} cannot be used for batch prediction in {location}.")


def _shown(book: Book, batch: Batch) -> dict[str, Any]:
    body = batch.body
    place = f"projects/{book.named(batch.project)}/locations/{batch.location}"
    found: dict[str, Any] = {
        "name": f"{place}/batchPredictionJobs/{batch.id}",
        "state": f"JOB_STATE_{batch.state}",
        "createTime": stamp(batch.created),
        "updateTime": stamp(batch.finished or batch.created),
        **{
            key: body[key]
            for key in ("displayName", "model", "inputConfig", "outputConfig", "labels")
            if key in body
        },
    }
    if batch.state != "QUEUED":
        found["startTime"] = stamp(batch.created)
    if batch.finished:
        found["endTime"] = stamp(batch.finished)
    if batch.error:
        found["error"] = batch.error
    if batch.output:
        found["outputInfo"] = {"gcsOutputDirectory": batch.output}
        found["completionStats"] = {
            "successfulCount": str(batch.done),
            "failedCount": str(batch.failed),
        }
    return found
