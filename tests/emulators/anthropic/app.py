"""The table of routes: what the emulator answers, under which name it is counted, and which room it is in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route

from ..serving.control import control_routes
from ..serving.exchange import Call, Reply
from . import batches_routes, messages_routes, models_routes
from .book import Book
from .deviations import DEVIATIONS, MENDED
from .endpoint import Endpoint, unknown

ROUTES: dict[str, Callable[[Book, Call], Reply]] = {
    "POST /v1/messages": messages_routes.create,
    "POST /v1/messages/count_tokens": messages_routes.count,
    "POST /v1/messages/batches": batches_routes.create,
    "GET /v1/messages/batches": batches_routes.listing,
    "GET /v1/messages/batches/ID": batches_routes.retrieve,
    "DELETE /v1/messages/batches/ID": batches_routes.delete,
    "POST /v1/messages/batches/ID/cancel": batches_routes.cancel,
    "GET /v1/messages/batches/ID/results": batches_routes.results,
    "GET /v1/models": models_routes.listing,
    "GET /v1/models/ID": models_routes.retrieve,
}
UNKNOWN = "unknown"


def application(book: Book) -> Starlette:
    """The ASGI application over a book."""
    found: list[BaseRoute] = []
    for name, handle in ROUTES.items():
        method, _, path = name.partition(" ")
        found.append(
            Route(path.replace("ID", "{id}"), Endpoint(name, handle, book), methods=[method])
        )
    about = {"deviations": DEVIATIONS, "mended": MENDED}
    rooms = {"GET counts": _counts, "DELETE batches/{id}": _lose_batch}
    found += control_routes(book, [*ROUTES, UNKNOWN], about, rooms)
    found.append(Route("/{path:path}", Endpoint(UNKNOWN, unknown, book)))
    return Starlette(routes=found)


def _counts(book: Any, body: Any, id: str) -> Any:
    batches_routes.advance_all(book, book.clock.now())
    return book.counts()


def _lose_batch(book: Any, body: Any, id: str) -> Any:
    return {"lost": book.batches.pop(id).id}
