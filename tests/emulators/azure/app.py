"""The table of routes: what the emulator answers, under which name it is counted, and which room it is in."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route

from ..openai import files_routes as openai_files
from ..openai import jobs_routes as openai_jobs
from ..openai import uploads_routes
from ..openai.contract import Contract
from ..openai.endpoint import unknown
from ..serving.endpoint import Handle
from . import (
    account_routes,
    control_routes,
    deployments_routes,
    entra_routes,
    files_routes,
    inference_routes,
    jobs_routes,
    models_routes,
)
from .book import Book
from .endpoint import ControlPlane, DataPlane, Entra

DATA: dict[str, Handle] = {
    "POST /openai/v1/files": files_routes.create,
    "GET /openai/v1/files": files_routes.listing,
    "GET /openai/v1/files/ID": files_routes.retrieve,
    "GET /openai/v1/files/ID/content": openai_files.content,
    "DELETE /openai/v1/files/ID": openai_files.delete,
    "POST /openai/v1/uploads": files_routes.start_upload,
    "POST /openai/v1/uploads/ID/parts": uploads_routes.add_part,
    "POST /openai/v1/uploads/ID/complete": files_routes.complete_upload,
    "POST /openai/v1/uploads/ID/cancel": uploads_routes.cancel,
    "POST /openai/v1/fine_tuning/jobs": jobs_routes.create,
    "GET /openai/v1/fine_tuning/jobs": jobs_routes.listing,
    "GET /openai/v1/fine_tuning/jobs/ID": openai_jobs.retrieve,
    "GET /openai/v1/fine_tuning/jobs/ID/events": jobs_routes.events,
    "GET /openai/v1/fine_tuning/jobs/ID/checkpoints": jobs_routes.checkpoints,
    "POST /openai/v1/fine_tuning/jobs/ID/cancel": openai_jobs.cancel,
    "POST /openai/v1/fine_tuning/jobs/ID/pause": openai_jobs.pause,
    "POST /openai/v1/fine_tuning/jobs/ID/resume": openai_jobs.resume,
    "GET /openai/v1/models": models_routes.listing,
    "GET /openai/v1/models/ID": models_routes.retrieve,
    "DELETE /openai/v1/models/ID": models_routes.delete,
    "POST /openai/v1/chat/completions": inference_routes.chat,
    "POST /openai/v1/responses": inference_routes.responses,
}
SUBSCRIPTION = "/subscriptions/{subscription}"
PROVIDER = "/providers/Microsoft.CognitiveServices"
ACCOUNT = f"{SUBSCRIPTION}/resourceGroups/{{group}}{PROVIDER}/accounts/{{account}}"
LOCATION = f"{SUBSCRIPTION}{PROVIDER}/locations/{{location}}"
ARM: dict[str, tuple[str, Handle]] = {
    "PUT deployments/NAME": (f"{ACCOUNT}/deployments/{{name}}", deployments_routes.put),
    "GET deployments/NAME": (f"{ACCOUNT}/deployments/{{name}}", deployments_routes.get),
    "DELETE deployments/NAME": (f"{ACCOUNT}/deployments/{{name}}", deployments_routes.delete),
    "GET deployments": (f"{ACCOUNT}/deployments", deployments_routes.listing),
    "GET operations/ID": (
        f"{LOCATION}/operationResults/{{operation}}",
        deployments_routes.operation,
    ),
    "GET account": (ACCOUNT, account_routes.get),
    "GET locations/models": (f"{LOCATION}/models", account_routes.models),
}
ENTRA: dict[str, tuple[str, Handle]] = {
    "POST token": ("/{tenant}/oauth2/v2.0/token", entra_routes.token),
    "GET openid-configuration": (
        "/{tenant}/v2.0/.well-known/openid-configuration",
        entra_routes.discovery,
    ),
}
UNKNOWN = "unknown"


def application(book: Book, contract: Contract | None, *, judging: bool) -> Starlette:
    """The ASGI application over a book. No contract: the data plane is not judged; no `judging`: nothing is."""
    found: list[BaseRoute] = []
    for name, handle in DATA.items():
        method, _, path = name.partition(" ")
        data = DataPlane(name, handle, book, contract, judging)
        found.append(Route(path.replace("ID", "{id}"), data, methods=[method]))
    for table, kind in ((ARM, ControlPlane), (ENTRA, Entra)):
        for name, (path, handle) in table.items():
            method = name.partition(" ")[0]
            found.append(Route(path, kind(name, handle, book, judging), methods=[method]))
    names = [*DATA, *ARM, *ENTRA, UNKNOWN]
    found += control_routes.routes(book, contract is not None, names)
    found.append(Route("/{path:path}", DataPlane(UNKNOWN, unknown, book, contract, judging)))
    return Starlette(routes=found)
