"""The table of routes: what the emulator answers, under which name it is counted, and which room it is in.

A route of the platform is served below /at/LOCATION/v1beta1 and /at/LOCATION/v1. The first that fits answers.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route

from ..serving.endpoint import Handle
from . import (
    batches_routes,
    control_rooms,
    generate_routes,
    jobs_routes,
    models_routes,
    oauth_routes,
    storage_routes,
    uploads,
)
from .book import Book
from .contract import Contract
from .endpoint import (
    Endpoint,
    MisnamedEndpoint,
    SessionEndpoint,
    StorageEndpoint,
    TokenEndpoint,
    UnknownEndpoint,
    unknown,
)

# ID stands for what is asked for, below projects/PROJECT/locations/REGION unless it is published.
PLATFORM: dict[str, Handle] = {
    "POST tuningJobs": jobs_routes.create,
    "GET tuningJobs": jobs_routes.listing,
    "POST tuningJobs/ID:cancel": jobs_routes.cancel,
    "GET tuningJobs/ID": jobs_routes.retrieve,
    "POST batchPredictionJobs": batches_routes.create,
    "GET batchPredictionJobs": batches_routes.listing,
    "POST batchPredictionJobs/ID:cancel": batches_routes.cancel,
    "GET batchPredictionJobs/ID": batches_routes.retrieve,
    "GET models/ID": models_routes.model,
    "GET endpoints/ID": models_routes.endpoint,
    "GET publishers/google/models/ID": models_routes.published,
    "POST publishers/google/models/ID:generateContent": generate_routes.of_base,
    "POST publishers/google/models/ID:streamGenerateContent": generate_routes.stream_of_base,
    "POST publishers/google/models/ID:countTokens": generate_routes.count_of_base,
    "POST endpoints/ID:generateContent": generate_routes.of_endpoint,
    "POST endpoints/ID:streamGenerateContent": generate_routes.stream_of_endpoint,
    "POST endpoints/ID:countTokens": generate_routes.count_of_endpoint,
}
MISNAMED: dict[str, Handle] = {
    "POST models/ID:generateContent": generate_routes.of_model,
    "POST models/ID:streamGenerateContent": generate_routes.of_model,
}
STORAGE: dict[str, tuple[str, Handle]] = {
    "GET bucket": ("/storage/v1/b/{bucket}", storage_routes.bucket),
    "GET objects": ("/storage/v1/b/{bucket}/o", storage_routes.listing),
    "GET objects/ID": ("/storage/v1/b/{bucket}/o/{object:path}", storage_routes.retrieve),
    "DELETE objects/ID": ("/storage/v1/b/{bucket}/o/{object:path}", storage_routes.delete),
    "GET download/ID": (
        "/download/storage/v1/b/{bucket}/o/{object:path}",
        storage_routes.download,
    ),
    "POST upload": ("/upload/storage/v1/b/{bucket}/o", uploads.begin),
}
SESSION: dict[str, Handle] = {"PUT upload": uploads.go_on, "DELETE upload": uploads.give_up}
TOKEN = "POST token"
UNKNOWN = "unknown"
ROUTES = (*PLATFORM, *MISNAMED, *STORAGE, *SESSION, TOKEN, UNKNOWN)


def application(book: Book, contract: Contract | None) -> Starlette:
    """The ASGI application over a book. No contract: nothing is judged."""
    found: list[BaseRoute] = [
        Route("/token", TokenEndpoint(TOKEN, oauth_routes.token, book, contract), methods=["POST"])
    ]
    for name, (path, handle) in STORAGE.items():
        kept = StorageEndpoint(name, handle, book, contract)
        found.append(Route(path, kept, methods=[name.partition(" ")[0]]))
    for name, handle in SESSION.items():
        session = SessionEndpoint(name, handle, book, contract)
        method = name.partition(" ")[0]
        found.append(Route("/upload/storage/v1/b/{bucket}/o", session, methods=[method]))
    for name, handle in (PLATFORM | MISNAMED).items():
        method, _, what = name.partition(" ")
        kind = MisnamedEndpoint if name in MISNAMED else Endpoint
        endpoint = kind(name, handle, book, contract)
        found += [Route(path, endpoint, methods=[method]) for path in _paths(what)]
    found += control_rooms.routes(book, contract, ROUTES)
    found.append(Route("/{path:path}", UnknownEndpoint(UNKNOWN, unknown, book, contract)))
    return Starlette(routes=found)


def _paths(what: str) -> list[str]:
    """Below a project, and without one where it is published: so Google writes it for API keys and for reads."""
    what = what.replace("ID", "{id}")
    found = []
    for version in ("v1beta1", "v1"):
        start = f"/at/{{location}}/{version}"
        found.append(f"{start}/projects/{{project}}/locations/{{region}}/{what}")
        if what.startswith("publishers/"):
            found.append(f"{start}/{what}")
    return found
