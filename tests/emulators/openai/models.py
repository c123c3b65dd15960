"""Which models there are at a moment: bases until they are switched off, and what was tuned from them as long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from .book import Book
from .jobs import Job
from .prices import Base
from .records import Account
from .refusals import Refusal
from .shown_jobs import checkpoints


@dataclass(frozen=True, slots=True)
class Served:
    """A model that answers. `job` is what made it, None for a base."""

    id: str
    base: Base
    job: Job | None


def tuned(book: Book, account: Account, now: datetime) -> dict[str, Job]:
    """The tuned models of an account by name, without checkpoints, newest first, gone or not."""
    found = {}
    for job in reversed(book.jobs.values()):
        if job.owner == account.owner and not job.lost:
            job.advance(now)
            if job.fine_tuned_model and job.name not in book.deleted_models:
                found[job.name] = job
    return found


def tuned_base(book: Book, account: Account, name: str, now: datetime) -> Base | None:
    """The base below a tuned model, None where there is no such model."""
    job = _maker(book, account, name, now)
    return job.base if job else None


def gone(base: Base, now: datetime) -> bool:
    """True from the day of its shutdown on."""
    return base.shutdown is not None and now.date() >= base.shutdown


def find(book: Book, account: Account, model: str, now: datetime) -> Served:
    """The model of this name; 404 where there is none (any more)."""
    base = book.bases.get(book.aliases.get(model, model))
    job = None if base else _maker(book, account, model, now)
    base = base or (job.base if job else None)
    if base is None:
        raise unknown(model)
    if gone(base, now):
        raise Refusal(
            404,
            f"The model `{model}` has been deprecated, learn more here: "
            "https://platform.openai.com/docs/deprecations",
            code="model_not_found",
        )
    return Served(model if job else base.name, base, job)


def serving(book: Book, account: Account, model: str, now: datetime) -> Served:
    """The model if it answers by now: a new one is not found for some minutes, as if it did not exist."""
    found = find(book, account, model, now)
    finished = found.job.finished if found.job else None
    if finished and now < finished + timedelta(seconds=book.settings.loading_s):
        raise unknown(model)
    return found


def unknown(model: str) -> Refusal:
    """404 of a model that is not there."""
    return Refusal(
        404,
        f"The model `{model}` does not exist or you do not have access to it.",
        code="model_not_found",
    )


def _maker(book: Book, account: Account, name: str, now: datetime) -> Job | None:
    """The job that made this tuned model or checkpoint."""
    job = tuned(book, account, now).get(name.partition(":ckpt-step-")[0])
    if job is None or name == job.name:
        return job
    found = [one["fine_tuned_model_checkpoint"] for one in checkpoints(job)]
    return job if name in found else None
