"""What Azure changes in OpenAI's contract, by which its data plane is judged; and where it is not judged at all."""

from __future__ import annotations

from typing import Any

from ..openai import deviations as openai
from .bases import SPELLINGS

DEVIATIONS = {
    name: why
    for name, why in openai.DEVIATIONS.items()
    if name not in ("model_limits", "batches", "moderation_checks event")
}
MENDED = {
    **openai.MENDED,
    "paths": "Azure's begin with /openai: judged without",
    "states of a job": "pending, notRunning, pausing, paused, canceling and canceled are added",
    "nulls of a job": "organization_id, result_files, method and an event's data may be null (seen live)",
    "trainingType": "is a field of a create, in any of the spellings that documents and tools have",
    "suffix": "has at most 40 letters, digits, - and _",
    "state of a file": "pending is added",
    "security": "the key comes in a header of Azure's own too: judged by the emulator, one credential at a time",
    "errors": "have a code and a message; type and param are OpenAI's own rooms'",
}
STATES = ("pending", "notRunning", "pausing", "paused", "canceling", "canceled")


def differ(document: Any) -> None:
    """Change OpenAI's document into Azure's."""
    document.pop("security", None)
    schemas = document["components"]["schemas"]
    job = schemas["FineTuningJob"]["properties"]
    job["status"]["enum"] += STATES
    for name in ("organization_id", "result_files", "method"):
        job[name] = _nullable(job[name])
    event = schemas["FineTuningJobEvent"]["properties"]
    event["data"] = _nullable(event["data"])
    create = schemas["CreateFineTuningJobRequest"]["properties"]
    create["trainingType"] = {"type": "string", "enum": list(SPELLINGS)}
    create["suffix"] |= {"maxLength": 40, "pattern": "^[A-Za-z0-9_-]*$"}
    schemas["OpenAIFile"]["properties"]["status"]["enum"].append("pending")
    schemas["Error"]["required"] = ["code", "message"]


def _nullable(schema: Any) -> Any:
    return {"anyOf": [schema, {"type": "null"}]}
