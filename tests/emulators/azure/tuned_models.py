"""Which tuned models and checkpoints there are, by their names and their ids."""

from __future__ import annotations

from datetime import datetime

from .bases import Base
from .book import Book
from .jobs import Job


def maker(book: Book, name: str, now: datetime) -> tuple[str, Job] | None:
    """The model's own name and the job that made it; a checkpoint is found by its id too. None: there is none."""
    for job in book.jobs.values():
        assert isinstance(job, Job)
        if job.lost or not (job.name.startswith(name.partition(":")[0]) or "ftchkpt-" in name):
            continue
        job.advance(now)
        if name == job.fine_tuned_model:
            return (name, job) if name not in book.deleted_models else None
        for one in job.checkpoints():
            if name in (one["id"], one["fine_tuned_model_checkpoint"]):
                return str(one["fine_tuned_model_checkpoint"]), job
    return None


def base_of(book: Book, job: Job) -> Base:
    """The base below a job, with the dates of today."""
    return book.tuned_bases[job.base.name]
