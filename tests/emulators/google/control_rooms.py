"""What a test can ask and order of this emulator beside what all have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.routing import BaseRoute

from ..serving.control import Room, control_routes
from . import history, oauth_routes, shown_jobs
from .book import Book
from .contract import Contract
from .deviations import DEVIATIONS, MENDED
from .records import Account, Bucket, StoredObject


def routes(book: Book, contract: Contract | None, names: Sequence[str]) -> list[BaseRoute]:
    """All of them; `names` are those that faults may be ordered for."""
    rooms: dict[str, Room] = {
        "GET counts": lambda book, body, id: book.counts(book.clock.now()),
        "POST history": lambda book, body, id: history.plant(book, **body),
        "POST keys": oauth_routes.add_key,
        "POST tokens": _issue,
        "POST cuts": lambda book, body, id: book.cuts.extend(body["kept"]),
        "POST buckets": _add_bucket,
        "POST objects": _put,
        "GET objects": lambda book, body, id: [_object(kept) for kept in book.objects.values()],
        "DELETE objects/{id:path}": _lose_object,
        "PATCH jobs/{id}": _patch_job,
        "DELETE jobs/{id}": _lose_job,
    }
    about = {
        "validated": contract is not None,
        "deviations": DEVIATIONS,
        "mended": MENDED,
        "projects": book.projects,
    }
    return control_routes(book, names, about, rooms)


def _issue(book: Book, body: Any, id: str) -> Any:
    account = Account(body["email"], body["project"])
    return {"token": book.issue(account)[0]}


def _add_bucket(book: Book, body: Any, id: str) -> Any:
    book.buckets[body["name"]] = Bucket(**body)
    return {"buckets": sorted(book.buckets)}


def _put(book: Book, body: Any, id: str) -> Any:
    kept = book.put(body["bucket"], body["name"], body["text"].encode(), "application/jsonl", {})
    return _object(kept)


def _object(kept: StoredObject) -> Any:
    return {
        "bucket": kept.bucket,
        "name": kept.name,
        "size": len(kept.content),
        "metadata": kept.metadata,
        "reads": kept.reads,
    }


def _lose_object(book: Book, body: Any, id: str) -> Any:
    bucket, _, name = id.partition("/")
    return {"lost": book.objects.pop((bucket, name)).name}


def _patch_job(book: Book, body: Any, id: str) -> Any:
    now = book.clock.now()
    job = book.job(id.rpartition("/")[2], None, None, now)
    shown_jobs.patch(job, body, now)
    book.advance(now)
    return shown_jobs.shown(job, book.named)[0]


def _lose_job(book: Book, body: Any, id: str) -> Any:
    book.job(id, None, None, book.clock.now()).lost = True
