"""Tuning jobs. Every create that is accepted makes a job and is billed, whatever label it carries."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from ..serving.exchange import Call, Reply, answer
from . import shown_jobs
from .bodies import plain
from .book import Book
from .create_rules import Asked, base_of, check, read
from .jobs import Job
from .listing import filtered, page
from .prices import SERVED_IN
from .refusals import Refused

ADAPTER = "postprocess/node-0/checkpoints/final"


def create(book: Book, call: Call) -> Reply:
    """POST tuningJobs"""
    location = call.ids["region"]
    body = plain(call.json())
    key = book.settings.label
    if key is not None and key not in (body.get("labels") or {}):
        book.violations.append(
            {
                "what": "request",
                "route": call.route,
                "path": call.path,
                "wrong": f"a job is to be made without the label {key!r}",
            }
        )
    job = start(book, call.scope.project, location, body, call.now)
    book.advance(call.now)
    return _one(book, job)


def start(book: Book, project: str, location: str, body: dict[str, Any], now: datetime) -> Job:
    """Make a job of a create's body, or refuse."""
    asked = read(body)
    parent = _parent(book, asked, project, now) if asked.tuned_model else None
    if parent is not None:
        base = parent.base
        check(base, asked, location, book.settings, now)
    else:
        base = base_of(asked, location, book.settings, now)
    renewed = parent is not None and asked.display_name in (None, parent.asked.display_name)
    serving = SERVED_IN.get(location, location) if base.newer else location
    job = Job(
        id=book.next_digits("tuningJobs"),
        seq=book.next_seq(),
        project=project,
        location=location,
        asked=asked,
        base=base,
        training=book.data(asked.training, project),
        validation=book.data(asked.validation, project) if asked.validation else None,
        settings=book.settings,
        created=now,
        model=parent.model if parent is not None and renewed else book.next_digits("models"),
        version=_version(book, parent) if parent is not None and renewed else 1,
        endpoint=book.next_digits("endpoints"),
        serving=serving,
        finish=lambda job: _write_adapter(book, job),
    )
    book.jobs[job.id] = job
    return job


def listing(book: Book, call: Call) -> Reply:
    """GET tuningJobs: newest first."""
    book.advance(call.now)
    found = [
        job
        for job in book.jobs.values()
        if job.project == call.scope.project
        and job.location == call.ids["region"]
        and not job.lost
        and (job.planted or book.visible(job.created, call.now))
    ]
    found.sort(key=lambda job: (job.created, job.seq), reverse=True)
    found = filtered(call, found, lambda job: job.asked.labels, lambda job: job.state)
    rows, token = page(call, found)
    views = [shown_jobs.shown(job, book.named) for job in rows]
    more = {"nextPageToken": token} if token else {}
    deviates = frozenset[str]().union(*(view[2] for view in views))
    return answer(
        {"tuningJobs": [view[0] for view in views], **more} if views else more,
        {"tuningJobs": [view[1] for view in views], **more},
        deviates,
    )


def retrieve(book: Book, call: Call) -> Reply:
    """GET tuningJobs/ID"""
    return _one(book, _job(book, call))


def cancel(book: Book, call: Call) -> Reply:
    """POST tuningJobs/ID:cancel: what was trained so far stays billed, and is lost."""
    job = _job(book, call)
    if not job.active:
        raise Refused(
            400,
            f"The TuningJob is in a terminal state JOB_STATE_{job.state} and cannot be cancelled.",
            code="FAILED_PRECONDITION",
        )
    job.cancel(call.now)
    return answer({})


def _job(book: Book, call: Call) -> Job:
    return book.job(call.id, call.scope.project, call.ids["region"], call.now)


def _parent(book: Book, asked: Asked, project: str, now: datetime) -> Job:
    """The job whose model is tuned on."""
    found = re.fullmatch(
        r"projects/([^/]+)/locations/([^/]+)/models/(\d+)(?:@(.+))?", str(asked.tuned_model)
    )
    if found is None or book.project(found[1]) != project:
        raise Refused(400, f"{asked.tuned_model!r} is not the resource name of a tuned model.")
    for job in book.tuned(project, now):
        if (job.model, job.serving) != (found[3], found[2]) or job.base.open:
            continue
        if found[4] not in (None, "default", str(job.version)):
            continue
        known = [id for id, _, _ in job.checkpoints()]
        if asked.checkpoint is not None and asked.checkpoint not in known:
            raise Refused(400, f"The model has no checkpoint {asked.checkpoint!r}.")
        return job
    raise Refused(404, f"The Model does not exist: {asked.tuned_model}.")


def _version(book: Book, parent: Job) -> int:
    return 1 + max(job.version for job in book.jobs.values() if job.model == parent.model)


def _write_adapter(book: Book, job: Job) -> None:
    """What was learned of an open model goes into the bucket that was named."""
    if not job.base.open:
        return
    found = re.fullmatch(r"gs://([^/]+)/?(.*)", str(job.asked.output_uri))
    if found is None or found[1] not in book.buckets:
        return
    place = "/".join(part for part in (found[2].strip("/"), ADAPTER) if part)
    for name, content in _weights(job).items():
        book.put(found[1], f"{place}/{name}", content, "application/octet-stream", {})


def _weights(job: Job) -> dict[str, bytes]:
    """The files of a checkpoint: an adapter, or the whole model; safetensors without a tensor in them."""
    empty = b"\x02\0\0\0\0\0\0\0{}"
    if job.asked.spec.get("tuningMode") == "TUNING_MODE_FULL":
        return {
            "config.json": b"{}\n",
            "model.safetensors": empty,
            "tokenizer_config.json": b"{}\n",
        }
    config = {
        "base_model_name_or_path": job.base.name.partition("@")[2],
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": job.asked.rank or 16,
    }
    return {
        "adapter_config.json": json.dumps(config).encode() + b"\n",
        "adapter_model.safetensors": empty,
        "tokenizer_config.json": b"{}\n",
    }


def _one(book: Book, job: Job) -> Reply:
    seen, judged, deviates = shown_jobs.shown(job, book.named)
    return answer(seen, judged, deviates)
