"""The routes by which a test questions and steers the server; no key is asked for, and they are not counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from .book import Book
from .jobs import Job
from .replies import Call, Refusal, Reply, answer


def counts(book: Book, call: Call) -> Reply:
    """GET /_control/counts: what was created, asked and spent."""
    return answer(book.counts(call.now))


def log(book: Book, call: Call) -> Reply:
    """GET /_control/log: every API request with its headers, keys included."""
    return answer(book.log)


def reset(book: Book, call: Call) -> Reply:
    """POST /_control/reset"""
    book.reset()
    return answer({})


def foreign(book: Book, call: Call) -> Reply:
    """POST /_control/foreign: finished jobs that somebody else in the organisation made; no count has them."""
    asked = call.fields(frozenset(("jobs", "organisation")))
    organisation = asked.get("organisation", next(iter(book.accounts.values())))
    number = asked.get("jobs")
    if not isinstance(number, int) or not 0 <= number <= 100_000:
        raise Refusal(400, "bad_jobs", f"jobs cannot be {number!r}")
    for _ in range(number):
        id, seq = book.next_id("job")
        job = book.jobs[id] = Job(
            id=id,
            seq=seq,
            organisation=organisation,
            model="small",
            root="small",
            method="lora",
            training_file="file-foreign",
            validation_file=None,
            hyperparameters={},
            suffix="foreign",
            metadata={"team": "another"},
            created=call.now,
            queue=timedelta(0),
            run=timedelta(0),
            steps=1,
            epochs=1,
            full_usd=Decimal(0),
            foreign=True,
        )
        job.advance(call.now)
    return answer({"jobs": number})


def settings(book: Book, call: Call) -> Reply:
    """PATCH /_control/settings"""
    book.change_settings(call.fields())
    return answer({})


def patch_job(book: Book, call: Call) -> Reply:
    """PATCH /_control/jobs/ID"""
    job = book.job(call.id, None, call.now)
    job.patch(call.fields(), call.now)
    return answer(job.shown())


def lose_job(book: Book, call: Call) -> Reply:
    """DELETE /_control/jobs/ID: the provider knows neither the job nor its model any more."""
    book.job(call.id, None, call.now).lost = True
    return answer({})


def lose_file(book: Book, call: Call) -> Reply:
    """DELETE /_control/files/ID: the provider knows the file no more."""
    del book.files[book.file(call.id, None).id]
    return answer({})


def order_faults(book: Book, call: Call, routes: Sequence[str]) -> Reply:
    """POST /_control/faults: {"faults": [...]} are added to those ordered before."""
    orders = call.fields(frozenset(("faults",))).get("faults")
    if not isinstance(orders, list):
        raise Refusal(400, "bad_fault", "faults is a list")
    return answer({"faults": book.faults.add(orders, routes)})


def clear_faults(book: Book, call: Call) -> Reply:
    """DELETE /_control/faults: none is left."""
    book.faults.clear()
    return answer({})


def stop(book: Book, call: Call) -> Reply:
    """POST /_control/stop: the server ends once this is answered."""
    book.stopped = True
    return answer({})
