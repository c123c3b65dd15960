"""The table of routes: what the emulator answers, under which name it is counted, and which room it is in."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route

from . import (
    batches_routes,
    chat_routes,
    control_routes,
    files_routes,
    jobs_routes,
    models_routes,
    responses_routes,
    uploads_routes,
)
from .book import Book
from .contract import Contract
from .endpoint import Endpoint, Handle, unknown

ROUTES: dict[str, Handle] = {
    "POST /v1/files": files_routes.create,
    "GET /v1/files": files_routes.listing,
    "GET /v1/files/ID": files_routes.retrieve,
    "GET /v1/files/ID/content": files_routes.content,
    "DELETE /v1/files/ID": files_routes.delete,
    "POST /v1/uploads": uploads_routes.create,
    "POST /v1/uploads/ID/parts": uploads_routes.add_part,
    "POST /v1/uploads/ID/complete": uploads_routes.complete,
    "POST /v1/uploads/ID/cancel": uploads_routes.cancel,
    "POST /v1/fine_tuning/jobs": jobs_routes.create,
    "GET /v1/fine_tuning/jobs": jobs_routes.listing,
    "GET /v1/fine_tuning/jobs/ID": jobs_routes.retrieve,
    "GET /v1/fine_tuning/jobs/ID/events": jobs_routes.events,
    "GET /v1/fine_tuning/jobs/ID/checkpoints": jobs_routes.checkpoints,
    "POST /v1/fine_tuning/jobs/ID/cancel": jobs_routes.cancel,
    "POST /v1/fine_tuning/jobs/ID/pause": jobs_routes.pause,
    "POST /v1/fine_tuning/jobs/ID/resume": jobs_routes.resume,
    "GET /v1/fine_tuning/model_limits": jobs_routes.model_limits,
    "GET /v1/models": models_routes.listing,
    "GET /v1/models/ID": models_routes.retrieve,
    "DELETE /v1/models/ID": models_routes.delete,
    "POST /v1/chat/completions": chat_routes.create,
    "POST /v1/responses": responses_routes.create,
    "POST /v1/batches": batches_routes.create,
    "GET /v1/batches": batches_routes.listing,
    "GET /v1/batches/ID": batches_routes.retrieve,
    "POST /v1/batches/ID/cancel": batches_routes.cancel,
}
UNKNOWN = "unknown"


def application(book: Book, contract: Contract | None) -> Starlette:
    """The ASGI application over a book. No contract: nothing is judged."""
    found: list[BaseRoute] = []
    for name, handle in ROUTES.items():
        method, _, path = name.partition(" ")
        endpoint = Endpoint(name, handle, book, contract)
        found.append(Route(path.replace("ID", "{id}"), endpoint, methods=[method]))
    found += control_routes.routes(book, contract, [*ROUTES, UNKNOWN])
    found.append(Route("/{path:path}", Endpoint(UNKNOWN, unknown, book, contract)))
    return Starlette(routes=found)
