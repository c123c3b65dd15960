"""What only this emulator can be asked and told by a test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.routing import BaseRoute

from ..serving.control import Room, control_routes
from . import batches_routes, history, shown_jobs
from .book import Book
from .contract import Contract
from .deviations import DEVIATIONS, MENDED


def routes(book: Book, contract: Contract | None, names: Sequence[str]) -> list[BaseRoute]:
    """All of them; `names` are those that faults may be ordered for."""
    about = {"validated": contract is not None, "deviations": DEVIATIONS, "mended": MENDED}
    return control_routes(book, names, about, ROOMS)


def _counts(book: Book, body: Any, id: str) -> Any:
    now = book.clock.now()
    batches_routes.advance_all(book, now)
    return book.counts(now)


def _patch_job(book: Book, body: Any, id: str) -> Any:
    now = book.clock.now()
    job = book.job(id, None, now)
    shown_jobs.patch(job, body, now)
    return shown_jobs.shown(job, book.settings.null_errors)[0]


def _lose_job(book: Book, body: Any, id: str) -> Any:
    book.job(id, None, book.clock.now()).lost = True


ROOMS: dict[str, Room] = {
    "GET counts": _counts,
    "POST history": lambda book, body, id: history.plant(book, **body),
    "PATCH jobs/{id}": _patch_job,
    "DELETE jobs/{id}": _lose_job,
    "DELETE files/{id}": lambda book, body, id: {"lost": book.files.pop(id).id},
}
