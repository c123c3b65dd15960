"""The types of the openai package as a judge of what the contract lacks: responses and batches.

The package is imported at the first such request: it takes a second. Its types are read strictly, from JSON.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError

from ..serving.exchange import Call, Reply

ROOMS = {"/v1/responses": "responses", "/v1/batches": "batches"}


def room(path: str) -> str | None:
    """The room of a path that is judged here: a name in deviations.py."""
    return next((name for start, name in ROOMS.items() if path.startswith(start)), None)


def request(call: Call) -> str | None:
    """What is wrong with a request; only creates have a body."""
    if call.route not in ("POST /v1/responses", "POST /v1/batches"):
        return None
    return _wrong(_types()[call.route], call.body)


def reply(call: Call, reply: Reply) -> str | None:
    """What is wrong with an answer that is no error."""
    if reply.streamed is not None:
        return next((one for one in map(_event, reply.streamed) if one is not None), None)
    if call.path.startswith("/v1/responses"):
        return _wrong(_types()["response"], json.dumps(reply.data).encode())
    rows = reply.data["data"] if call.route == "GET /v1/batches" else [reply.data]
    wrong = (_wrong(_types()["batch"], json.dumps(row).encode()) for row in rows)
    return next((one for one in wrong if one is not None), None)


def _event(event: dict[str, Any]) -> str | None:
    """What is wrong with an event of a stream, by the type that it names itself."""
    kind = _events().get(event.get("type", ""))
    if kind is None:
        return f"there is no event {event.get('type')!r}"
    return _wrong(kind, json.dumps(event).encode())


@cache
def _types() -> dict[str, TypeAdapter[Any]]:
    from openai.types import Batch, BatchCreateParams
    from openai.types.responses import Response
    from openai.types.responses.response_create_params import ResponseCreateParams

    return {
        "batch": TypeAdapter(Batch),
        "response": TypeAdapter(Response),
        "POST /v1/batches": TypeAdapter(BatchCreateParams),
        "POST /v1/responses": TypeAdapter(ResponseCreateParams),
    }


@cache
def _events() -> dict[str, TypeAdapter[Any]]:
    from openai.types.responses import ResponseStreamEvent

    union = get_args(ResponseStreamEvent)[0]
    return {
        get_args(member.model_fields["type"].annotation)[0]: TypeAdapter(member)
        for member in get_args(union)
    }


def _wrong(kind: TypeAdapter[Any], content: bytes) -> str | None:
    try:
        _exhaust(kind.validate_json(content, strict=True))
    except ValidationError as error:
        first = error.errors()[0]
        return f"{error.title} {'.'.join(map(str, first['loc']))}: {first['msg']}"
    return None


def _exhaust(value: Any) -> None:
    """Go through all of it: pydantic checks what is declared as an Iterable only when it is read."""
    if isinstance(value, dict):
        for one in value.values():
            _exhaust(one)
    elif isinstance(value, list) or type(value).__name__ == "ValidatorIterator":
        for one in value:
            _exhaust(one)
