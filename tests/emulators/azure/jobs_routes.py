"""Fine-tuning jobs: OpenAI's rooms, with the files' check, a filter that may be ignored, and Azure's checkpoints."""

from __future__ import annotations

from dataclasses import replace

from ..openai import jobs_routes
from ..openai.listing import listed, page
from ..serving.exchange import Call, Reply, answer
from . import files_routes
from .book import Book
from .jobs import Job
from .refusals import Refusal


def create(book: Book, call: Call) -> Reply:
    """POST /openai/v1/fine_tuning/jobs"""
    body = call.json()
    for name in ("training_file", "validation_file"):
        id = body.get(name)
        if id in book.files and (state := files_routes.state(book, id, call.now)) != "processed":
            raise Refusal(400, f"The file {id} is {state}.", code="invalidPayload")
    return jobs_routes.create(book, call)


def listing(book: Book, call: Call) -> Reply:
    """GET /openai/v1/fine_tuning/jobs"""
    if not book.settings.filters_metadata:
        query = [pair for pair in call.query if not pair[0].startswith("metadata")]
        call = replace(call, query=tuple(query))
    return jobs_routes.listing(book, call)


def events(book: Book, call: Call) -> Reply:
    """GET /openai/v1/fine_tuning/jobs/ID/events: those without data have none, not an empty object."""
    reply = jobs_routes.events(book, call)
    rows = [{**one, "data": one["data"] or None} for one in reply.data["data"]]
    return answer({**reply.data, "data": rows})


def checkpoints(book: Book, call: Call) -> Reply:
    """GET /openai/v1/fine_tuning/jobs/ID/checkpoints"""
    job = book.job(call.id, call.scope.owner, call.now)
    assert isinstance(job, Job)
    shown, more = page(call, job.checkpoints(), lambda one: str(one["id"]), default=10, most=100)
    return answer(listed(shown, more, ends=True))
