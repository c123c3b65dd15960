"""Fine-tuning jobs. Every create that is accepted makes a job and is billed, whatever key it carries."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from ..serving.exchange import Call, Reply, answer
from . import shown_jobs
from .book import Book
from .create_rules import closed
from .jobs import Job
from .listing import listed, page
from .models import tuned_base
from .records import Account
from .refusals import Refusal


def create(book: Book, call: Call) -> Reply:
    """POST /v1/fine_tuning/jobs"""
    if book.settings.training_closed:
        raise closed()
    job = start(book, call.scope, call.json(), call.now)
    return _one(book, job)


def start(
    book: Book, account: Account, body: dict[str, Any], now: datetime, *, planted: bool = False
) -> Job:
    """Make a job of a create's body, or refuse."""
    asked = book.read_create(body)
    name = book.aliases.get(asked.model, asked.model)
    base = book.tunable(book.bases.get(name) or tuned_base(book, account, name, now), asked, now)
    owner = account.owner
    training = book.file(asked.training_file, owner, now, param="training_file")
    validation = None
    if asked.validation_file is not None:
        validation = book.file(asked.validation_file, owner, now, param="validation_file")
    for param, file in (("training_file", training), ("validation_file", validation)):
        if file is not None and file.purpose != "fine-tune":
            raise Refusal(400, f"{file.id} is not of the purpose 'fine-tune'.", param=param)
    if not planted:
        book.refuse_by_limits(owner, base.name, now)
    id = book.next_id("ftjob")
    mark = hashlib.sha256(id.encode()).hexdigest()[:8]
    job = book.job_of(
        id=id,
        seq=book.next_seq(),
        owner=owner,
        organisation=account.organisation,
        asked=asked,
        model=name,
        base=base,
        name=book.tuned_name(id, base, account, asked.suffix),
        content=training.content,
        validation=validation.content if validation else None,
        settings=book.settings,
        count=book.count,
        created=now,
        seed=asked.seed if asked.seed is not None else int(mark, 16) % 2_147_483_647,
        next_id=book.next_id,
        keep_results=book.keep_results,
        planted=planted,
    )
    book.jobs[id] = job
    return job


def listing(book: Book, call: Call) -> Reply:
    """GET /v1/fine_tuning/jobs, with metadata[k]=v as a filter; metadata=null finds those without any."""
    wanted = {
        key.removeprefix("metadata[").removesuffix("]"): text
        for key, text in call.query
        if key.startswith("metadata[")
    }
    found = []
    for job in book.jobs.values():
        marks = job.asked.metadata or {}
        if job.owner != call.scope.owner or job.lost:
            continue
        if not job.planted and not book.visible(job.owner, job.created, call.now):
            continue
        if any(marks.get(key) != text for key, text in wanted.items()):
            continue
        if call.argument("metadata") == "null" and marks:
            continue
        found.append(job)
    found.sort(key=lambda job: (job.created, job.seq), reverse=True)
    shown, more = page(call, found, lambda job: job.id, default=20, most=100)
    for job in shown:
        job.advance(call.now)
    views = [shown_jobs.shown(job, book.settings.null_errors) for job in shown]
    return _many(views, more)


def retrieve(book: Book, call: Call) -> Reply:
    """GET /v1/fine_tuning/jobs/ID"""
    return _one(book, book.job(call.id, call.scope.owner, call.now))


def events(book: Book, call: Call) -> Reply:
    """GET /v1/fine_tuning/jobs/ID/events: newest first."""
    job = book.job(call.id, call.scope.owner, call.now)
    shown, more = page(call, job.events[::-1], lambda one: str(one["id"]), default=20, most=100)
    return _many([shown_jobs.event(one) for one in shown], more)


def checkpoints(book: Book, call: Call) -> Reply:
    """GET /v1/fine_tuning/jobs/ID/checkpoints"""
    found = shown_jobs.checkpoints(book.job(call.id, call.scope.owner, call.now))
    shown, more = page(call, found, lambda one: str(one["id"]), default=10, most=100)
    return answer(listed(shown, more, ends=True))


def cancel(book: Book, call: Call) -> Reply:
    """POST /v1/fine_tuning/jobs/ID/cancel: the steps done so far stay billed."""
    job = _active(book, call, "cancel")
    job.end("cancelled", call.now)
    return _one(book, job)


def pause(book: Book, call: Call) -> Reply:
    """POST /v1/fine_tuning/jobs/ID/pause"""
    job = _active(book, call, "pause")
    if job.status not in ("queued", "running"):
        raise Refusal(400, f"Job {job.id} is {job.status}: it cannot be paused.")
    job.pause(call.now)
    return _one(book, job)


def resume(book: Book, call: Call) -> Reply:
    """POST /v1/fine_tuning/jobs/ID/resume"""
    job = _active(book, call, "resume")
    if job.status != "paused":
        raise Refusal(400, f"Job {job.id} is {job.status}: it cannot be resumed.")
    job.resume(call.now)
    return _one(book, job)


def model_limits(book: Book, call: Call) -> Reply:
    """GET /v1/fine_tuning/model_limits: its form is known from clients only, and no contract has it."""
    rows = [
        {
            "model": base.name,
            "max_total_jobs": book.settings.jobs_per_day,
            "max_concurrent_jobs": book.settings.max_active_jobs,
            "active_jobs": book.active_jobs(call.scope.owner, base.name, call.now),
        }
        for base in book.bases.values()
        if base.train is not None and not (base.shutdown and call.now.date() >= base.shutdown)
    ]
    return answer({"object": "list", "data": rows}, deviates=frozenset(("model_limits",)))


def _active(book: Book, call: Call, verb: str) -> Job:
    job = book.job(call.id, call.scope.owner, call.now)
    if not job.active:
        raise Refusal(400, f"Cannot {verb} job {job.id}: it has {job.status} already.")
    return job


def _one(book: Book, job: Job) -> Reply:
    seen, judged, deviates = shown_jobs.shown(job, book.settings.null_errors)
    return answer(seen, judged, deviates)


def _many(views: list[tuple[dict[str, Any], dict[str, Any], frozenset[str]]], more: bool) -> Reply:
    deviates = frozenset[str]().union(*(view[2] for view in views))
    return answer(
        listed([view[0] for view in views], more, ends=False),
        listed([view[1] for view in views], more, ends=False),
        deviates,
    )
