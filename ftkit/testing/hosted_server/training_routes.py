"""The routes of an account, its files and its jobs.

Every accepted create makes a job, whatever key it carries: who asks twice pays twice. Only a server that was told to be
idempotent answers a repeated Idempotency-Key with its first reply.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from .book import BASES, Book
from .jobs import Job
from .listing import page
from .records import MILLION, USD_PER_MILLION_TRAINED, UploadedFile, money
from .replies import Call, Refusal, Reply, answer

JOB_FIELDS = frozenset(
    ["model", "method", "training_file", "validation_file", "hyperparameters", "suffix", "metadata"]
)
METHODS = ("lora", "qlora", "full", "dpo")
HYPERPARAMETERS = frozenset(
    [
        "epochs",
        "max_steps",
        "max_time_s",
        "learning_rate",
        "learning_rate_multiplier",
        "schedule",
        "warmup_ratio",
        "batch_size",
        "lora_rank",
        "lora_alpha",
        "target_modules",
        "train_on",
        "max_length",
        "beta",
        "seed",
    ]
)
SUFFIX = re.compile(r"[A-Za-z0-9._-]{1,64}")


def account(book: Book, call: Call) -> Reply:
    """GET /v1/account"""
    return answer({"organisation": call.organisation, "region": "local"})


def limits(book: Book, call: Call) -> Reply:
    """GET /v1/limits"""
    return answer(
        {
            "max_active_jobs": book.settings.max_active_jobs,
            "active_jobs": book.active_jobs(call.organisation, call.now),
            "training_closed": book.settings.training_closed,
        }
    )


def upload(book: Book, call: Call) -> Reply:
    """POST /v1/files?purpose=fine-tune, or batch"""
    purpose = call.query.get("purpose")
    if purpose not in ("fine-tune", "batch"):
        raise Refusal(400, "bad_purpose", "purpose can only be fine-tune or batch")
    checksum = hashlib.sha256(call.body).hexdigest()
    if call.headers.get("x-content-sha256", "").lower() != checksum:
        raise Refusal(400, "bad_checksum", f"the body's SHA-256 is {checksum}")
    if not call.body.strip():
        raise Refusal(400, "empty_file", "the file has no rows")
    id, seq = book.next_id("file")
    book.files[id] = UploadedFile(
        id=id,
        seq=seq,
        organisation=call.organisation,
        sha256=checksum,
        bytes=len(call.body),
        words=len(call.body.split()),
        rows=sum(1 for line in call.body.splitlines() if line.strip()),
        created=call.now,
        content=call.body.decode("utf-8", "replace") if purpose == "batch" else "",
    )
    return answer(book.files[id].shown(), 201)


def get_file(book: Book, call: Call) -> Reply:
    """GET /v1/files/ID"""
    return answer(book.file(call.id, call.organisation).shown())


def delete_file(book: Book, call: Call) -> Reply:
    """DELETE /v1/files/ID"""
    del book.files[book.file(call.id, call.organisation).id]
    return answer({"id": call.id, "deleted": True})


def create_job(book: Book, call: Call) -> Reply:
    """POST /v1/jobs"""

    def create() -> Reply:
        planned = _planned(book, call)
        if book.active_jobs(call.organisation, call.now) >= book.settings.max_active_jobs:
            raise Refusal(429, "too_many_jobs", f"{book.settings.max_active_jobs} jobs are active")
        id, seq = book.next_id("job")
        job = book.jobs[id] = Job(id=id, seq=seq, **planned)
        job.advance(call.now)
        return answer(job.shown(), 201)

    return once(book, call, create)


def once(book: Book, call: Call, create: Callable[[], Reply]) -> Reply:
    """`create()`, or on an idempotent server the first reply to the same Idempotency-Key."""
    key = call.headers.get("idempotency-key")
    if key is None or not book.settings.idempotent:
        return create()
    place = (call.organisation, call.path, key)
    if place in book.remembered:
        first = book.remembered[place]
        return Reply(first.status, first.body, {**first.headers, "Idempotent-Replayed": "true"})
    book.remembered[place] = create()
    return book.remembered[place]


def estimate(book: Book, call: Call) -> Reply:
    """POST /v1/jobs/estimate: refuses what a create refuses, and creates nothing."""
    return answer({"usd": money(_planned(book, call)["full_usd"])})


def list_jobs(book: Book, call: Call) -> Reply:
    """GET /v1/jobs"""
    return page(book, call, book.jobs)


def get_job(book: Book, call: Call) -> Reply:
    """GET /v1/jobs/ID"""
    return answer(book.job(call.id, call.organisation, call.now).shown())


def events(book: Book, call: Call) -> Reply:
    """GET /v1/jobs/ID/events?after=N"""
    after = call.number("after", 0, low=0)
    return answer({"data": book.job(call.id, call.organisation, call.now).events[after:]})


def checkpoints(book: Book, call: Call) -> Reply:
    """GET /v1/jobs/ID/checkpoints"""
    return answer({"data": book.job(call.id, call.organisation, call.now).checkpoints()})


def cancel(book: Book, call: Call) -> Reply:
    """POST /v1/jobs/ID/cancel"""
    job = book.job(call.id, call.organisation, call.now)
    if not job.active:
        raise Refusal(409, "already_finished", f"{job.id} {job.status} before")
    job.finish("cancelled", call.now)
    return answer(job.shown())


def pause(book: Book, call: Call) -> Reply:
    """POST /v1/jobs/ID/pause"""
    job = book.job(call.id, call.organisation, call.now)
    if job.status not in ("queued", "running"):
        raise Refusal(409, "not_running", f"{job.id} is {job.status}: it cannot be paused")
    job.pause(call.now)
    return answer(job.shown())


def resume(book: Book, call: Call) -> Reply:
    """POST /v1/jobs/ID/resume"""
    job = book.job(call.id, call.organisation, call.now)
    if job.status != "paused":
        raise Refusal(409, "not_paused", f"{job.id} is {job.status}: it cannot be resumed")
    job.go_on(call.now)
    return answer(job.shown())


def text_map(value: object) -> dict[str, str]:
    """A request's metadata; refused unless its values are text."""
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise Refusal(400, "bad_metadata", "metadata is an object whose values are text")
    return value


def _planned(book: Book, call: Call) -> dict[str, Any]:
    """The job that the request asks for, as the fields of a Job without its id."""
    if book.settings.training_closed:
        raise Refusal(400, "training_closed", "this organisation can train no more models")
    asked = call.fields(JOB_FIELDS)
    model = asked.get("model")
    if not isinstance(model, str):
        raise Refusal(400, "unknown_model", "model is missing")
    try:
        parent = book.tuned_by(model, call.organisation, call.now)
    except Refusal as error:
        known = ", ".join(BASES)
        raise Refusal(400, "unknown_model", f"{error}; there are {known}") from error
    root = parent.root if parent else model
    if asked.get("method", "lora") not in METHODS:
        raise Refusal(400, "unknown_method", f"there are the methods {', '.join(METHODS)}")
    suffix = asked.get("suffix")
    if suffix is not None and not (isinstance(suffix, str) and SUFFIX.fullmatch(suffix)):
        raise Refusal(400, "bad_suffix", f"suffix has to match {SUFFIX.pattern}")
    try:
        file = book.file(asked.get("training_file"), call.organisation)
        if asked.get("validation_file") is not None:
            book.file(asked["validation_file"], call.organisation)
    except Refusal as error:
        raise Refusal(400, "unknown_file", str(error)) from error
    hyperparameters = asked.get("hyperparameters", {})
    epochs, steps = _length(hyperparameters, file.rows)
    rate = 0 if root == "free" else USD_PER_MILLION_TRAINED
    return {
        "organisation": call.organisation,
        "model": model,
        "root": root,
        "method": asked.get("method", "lora"),
        "training_file": file.id,
        "validation_file": asked.get("validation_file"),
        "hyperparameters": hyperparameters,
        "suffix": suffix,
        "metadata": text_map(asked.get("metadata")),
        "created": call.now,
        "queue": timedelta(seconds=book.settings.queue_seconds),
        "run": timedelta(seconds=book.settings.run_seconds),
        "steps": steps,
        "epochs": math.ceil(epochs),
        "full_usd": file.words * epochs * rate / MILLION,
    }


def _length(hyperparameters: object, rows: int) -> tuple[Decimal, int]:
    """Epochs and steps of a run over `rows` rows: 1 epoch, batches of 8, unless the request says otherwise."""
    if not isinstance(hyperparameters, dict):
        raise Refusal(400, "bad_hyperparameters", "hyperparameters is an object")
    if unknown := sorted(set(hyperparameters) - HYPERPARAMETERS):
        raise Refusal(400, "bad_hyperparameters", f"there is no hyperparameter {unknown[0]!r}")
    for name in ("epochs", "batch_size", "max_steps"):
        value = hyperparameters.get(name, 1)
        whole = isinstance(value, int) or (name == "epochs" and isinstance(value, float))
        if isinstance(value, bool) or not whole or not 0 < value <= 1_000_000:
            raise Refusal(400, "bad_hyperparameters", f"{name} cannot be {value!r}")
    epochs = Decimal(str(hyperparameters.get("epochs", 1)))
    steps = math.ceil(rows * epochs / hyperparameters.get("batch_size", 8))
    return epochs, hyperparameters.get("max_steps", steps)
