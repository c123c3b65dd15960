"""Every place where the emulator's answers are not held to the contract. There is no other; a test prints the list."""

from __future__ import annotations

DEVIATIONS = {
    # The contract lacks these, or is known to be wrong about them.
    "model_limits": "GET /v1/fine_tuning/model_limits is in no contract and in no SDK: judged by nothing",
    "responses": "/v1/responses is not in the contract: judged by the types of the openai package",
    "batches": "/v1/batches is not in the contract: judged by the types of the openai package",
    "raw file content": "the service sends a file's bytes, which the contract calls a JSON string",
    "unknown route": "the contract does not say how an unknown path is answered: judged as any error",
    "paused": "jobs can be paused, but the contract has no such status: judged as the state before",
    # A test ordered these.
    "null error fields": "`error` of a healthy job is an object of nulls (seen live): judged without",
    "moderation_checks event": "the guide has this event type, the contract has not: judged as a message",
    "patched job": "a test laid fields over a job (an unknown status, say): judged without them",
    "fault": "the client was sent what a fault ordered; the real answer below it is judged where there is one",
}

# What must be read differently in the contract file itself before a validator can use it.
MENDED = {
    "list-valued types of parameters": "openapi-core 0.23 reads one type only: null is dropped",
    "discriminators without a mapping": "openapi-core would look for a schema called by the value ('user'): "
    "dropped, the alternatives beside them are judged",
    "multipart bodies": "are judged as JSON with a file's name in place of its bytes: openapi-core passes over "
    "unknown form fields, and calls bytes no string",
}
