"""Which function answers which path. A route's name, such as "GET /v1/jobs/ID", is what counts and faults call it."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote

from . import batch_routes, control_routes, inference_routes, training_routes
from .book import Book
from .replies import Call, Reply

Route = Callable[[Book, Call], Reply]

API: dict[str, Route] = {
    "GET /v1/account": training_routes.account,
    "GET /v1/limits": training_routes.limits,
    "POST /v1/files": training_routes.upload,
    "GET /v1/files/ID": training_routes.get_file,
    "DELETE /v1/files/ID": training_routes.delete_file,
    "POST /v1/jobs": training_routes.create_job,
    "GET /v1/jobs": training_routes.list_jobs,
    "POST /v1/jobs/estimate": training_routes.estimate,
    "GET /v1/jobs/ID": training_routes.get_job,
    "GET /v1/jobs/ID/events": training_routes.events,
    "GET /v1/jobs/ID/checkpoints": training_routes.checkpoints,
    "POST /v1/jobs/ID/cancel": training_routes.cancel,
    "POST /v1/jobs/ID/pause": training_routes.pause,
    "POST /v1/jobs/ID/resume": training_routes.resume,
    "GET /v1/models/ID": inference_routes.get_model,
    "POST /v1/deployments": inference_routes.create_deployment,
    "GET /v1/deployments": inference_routes.list_deployments,
    "GET /v1/deployments/ID": inference_routes.get_deployment,
    "DELETE /v1/deployments/ID": inference_routes.stop_deployment,
    "POST /v1/chat": inference_routes.chat,
    "POST /v1/batches": batch_routes.create,
    "GET /v1/batches": batch_routes.listing,
    "GET /v1/batches/ID": batch_routes.get,
    "GET /v1/batches/ID/answers": batch_routes.answers,
    "POST /v1/batches/ID/cancel": batch_routes.cancel,
}

CONTROL: dict[str, Route] = {
    "GET /_control/counts": control_routes.counts,
    "GET /_control/log": control_routes.log,
    "POST /_control/reset": control_routes.reset,
    "POST /_control/foreign": control_routes.foreign,
    "PATCH /_control/settings": control_routes.settings,
    "PATCH /_control/jobs/ID": control_routes.patch_job,
    "DELETE /_control/jobs/ID": control_routes.lose_job,
    "DELETE /_control/files/ID": control_routes.lose_file,
    "POST /_control/faults": lambda book, call: control_routes.order_faults(book, call, [*API]),
    "DELETE /_control/faults": control_routes.clear_faults,
    "POST /_control/stop": control_routes.stop,
}


def route_of(method: str, path: str) -> tuple[str, str]:
    """A request's route name and the ID in its path; the name of an unknown path is in no table."""
    parts = path.split("/")
    for name in (*API, *CONTROL):
        verb, _, pattern = name.partition(" ")
        wanted = pattern.split("/")
        if verb != method or len(wanted) != len(parts):
            continue
        if all(want in ("ID", part) for want, part in zip(wanted, parts, strict=True)):
            return name, unquote(parts[wanted.index("ID")]) if "ID" in wanted else ""
    return f"{method} (unknown)", ""
