"""Tuned models and endpoints as resources, and what is published: read only."""

from __future__ import annotations

from typing import Any

from ..serving.exchange import Call, Reply, answer
from .book import Book
from .jobs import Job
from .records import stamp
from .refusals import Refused
from .served import at_endpoint, base_model
from .shown_jobs import endpoint_name, model_name


def model(book: Book, call: Call) -> Reply:
    """GET models/ID, with or without a version."""
    id, _, version = call.id.partition("@")
    for job in book.tuned(call.scope.project, call.now):
        if job.base.open or (job.model, job.serving) != (id, call.ids["region"]):
            continue
        if version in ("", "default", str(job.version)):
            return answer(_model(book, job))
    raise Refused(404, f"The Model does not exist. Model id: {call.id}.")


def endpoint(book: Book, call: Call) -> Reply:
    """GET endpoints/ID"""
    served, checkpoint = at_endpoint(book, call)
    job = served.job
    assert job is not None
    moment = stamp(job.finished or job.created)
    deployed: dict[str, Any] = {
        "id": job.endpoint[:12],
        "model": model_name(job, book.named).partition("@")[0],
        "modelVersionId": str(job.version),
        "displayName": _title(job),
        "createTime": moment,
    }
    if checkpoint is not None:
        deployed["checkpointId"] = checkpoint
    return answer(
        {
            "name": endpoint_name(job, book.named, checkpoint),
            "displayName": _title(job),
            "deployedModels": [deployed],
            "labels": job.asked.labels,
            "trafficSplit": {job.endpoint[:12]: 100},
            "createTime": moment,
            "updateTime": moment,
        }
    )


def published(book: Book, call: Call) -> Reply:
    """GET publishers/google/models/ID"""
    base = base_model(book, call).base
    return answer(
        {
            "name": f"publishers/google/models/{base.name}",
            "versionId": base.name,
            "launchStage": "GA",
            "openSourceCategory": "PROPRIETARY",
        }
    )


def _model(book: Book, job: Job) -> dict[str, Any]:
    moment = stamp(job.finished or job.created)
    return {
        "name": model_name(job, book.named).partition("@")[0],
        "displayName": _title(job),
        "versionId": str(job.version),
        "versionAliases": ["default"],
        "createTime": moment,
        "updateTime": moment,
        "versionCreateTime": moment,
        "versionUpdateTime": moment,
        "labels": job.asked.labels,
        "modelSourceInfo": {"sourceType": "GENIE"},
        "baseModelSource": {
            "genieSource": {"baseModelUri": f"publishers/google/models/{job.base.name}"}
        },
        "deployedModels": [
            {
                "endpoint": endpoint_name(job, book.named),
                "deployedModelId": job.endpoint[:12],
            }
        ],
        "checkpoints": [
            {"checkpointId": id, "epoch": str(epoch), "step": str(step)}
            for id, epoch, step in job.checkpoints()
        ],
    }


def _title(job: Job) -> str:
    return job.asked.display_name or f"tuned-{job.model}"
