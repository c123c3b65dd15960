"""The types of the anthropic package as the judge of every request and every answer.

Its request types let unknown fields pass and read lists only when somebody looks; here they are rebuilt closed and
eager. Its answer types keep unknown fields; here each one is a fault. The package is imported at the first request.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NotRequired, Required, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from typing_extensions import (
    TypedDict,
    get_type_hints,
    is_typeddict,
)

from ..serving.exchange import Call, Reply
from .stream_order import out_of_order

BODIES = ("POST /v1/messages", "POST /v1/messages/count_tokens", "POST /v1/messages/batches")
PAGES = ("GET /v1/models", "GET /v1/messages/batches")
CURSORS = {"after_id", "before_id", "limit"}
QUERIES = {"GET /v1/messages/batches": CURSORS, "GET /v1/models": CURSORS | {"lifecycle[]"}}
HEADERS_NOT_FIELDS = ("user_profile_id", "workspace_id")  # the package sends these beside the body
SAMPLING = ("temperature", "top_p", "top_k")  # the version before 2026-10-21 has them, no type does
BEFORE_2026_10_21 = "2023-06-01"
TAGS = ("type", "role")
ANSWERS = {
    "POST /v1/messages": "message",
    "POST /v1/messages/count_tokens": "count",
    "POST /v1/messages/batches": "batch",
    "GET /v1/messages/batches": "batch",
    "GET /v1/messages/batches/ID": "batch",
    "POST /v1/messages/batches/ID/cancel": "batch",
    "DELETE /v1/messages/batches/ID": "deleted",
    "GET /v1/messages/batches/ID/results": "row",
    "GET /v1/models": "model",
    "GET /v1/models/ID": "model",
}


def request(call: Call) -> str | None:
    """What is wrong with a request: an argument of its query, a field of its body."""
    known = QUERIES.get(call.route, set())
    if strange := [name for name, _ in call.query if name not in known]:
        return f"there is no query argument {strange[0]!r}"
    return body(call.route, call.body, call.headers.get("anthropic-version"))


def body(route: str, content: bytes, version: str | None) -> str | None:
    """What is wrong with the body of a route that has one."""
    if route not in BODIES:
        return None
    try:
        given = json.loads(content)
    except ValueError:
        return "the body is no JSON"
    if isinstance(given, dict):
        if strange := [name for name in HEADERS_NOT_FIELDS if name in given]:
            return f"{strange[0]}: Extra inputs are not permitted"
        if version == BEFORE_2026_10_21 and route == "POST /v1/messages":
            given = {name: value for name, value in given.items() if name not in SAMPLING}
    streaming = route == BODIES[0] and isinstance(given, dict) and given.get("stream")
    return _wrong(_requests()[f"{route}, streaming" if streaming else route], given)


def reply(call: Call, reply: Reply) -> str | None:
    """What is wrong with an answer."""
    if reply.status >= 400:
        # The package has no type for this one; deviations.py says so.
        if reply.status == 413 and isinstance(reply.data, dict):
            held = {**reply.data, "error": {**reply.data.get("error", {}), "type": "api_error"}}
            return _wrong(_answers()["error"], held)
        return _wrong(_answers()["error"], reply.data)
    kind = _answers()[ANSWERS[call.route]]
    if kind is _answers()["row"]:
        return _first(_wrong(kind, row) for row in reply.streamed or ())
    if reply.streamed is not None:
        wrong = _first(_event(one) for one in reply.streamed)
        return wrong or out_of_order(reply.streamed)
    if call.route in PAGES:
        return _page(reply.data) or _first(_wrong(kind, one) for one in reply.data["data"])
    return _wrong(kind, reply.data)


def _page(data: Any) -> str | None:
    """What is wrong with the envelope of a list; the package reads its ends to turn the page."""
    if not isinstance(data, dict) or set(data) != {"data", "has_more", "first_id", "last_id"}:
        return "a page has data, has_more, first_id and last_id"
    if not isinstance(data["has_more"], bool) or not isinstance(data["data"], list):
        return "a page's data is a list and its has_more true or false"
    ids = [one.get("id") for one in data["data"]]
    ends = (ids[0], ids[-1]) if ids else (None, None)
    if (data["first_id"], data["last_id"]) != ends:
        return "a page's first_id and last_id are those of its ends"
    return None


def _event(event: Any) -> str | None:
    """What is wrong with an event of a stream, by the type that it names itself."""
    name = event.get("type") if isinstance(event, dict) else None
    if name == "ping":
        return None if event == {"type": "ping"} else "a ping has no fields"
    kind = _answers()["error"] if name == "error" else _events().get(str(name))
    return _wrong(kind, event) if kind is not None else f"there is no event {name!r}"


@cache
def _requests() -> dict[str, TypeAdapter[Any]]:
    from anthropic.types import MessageCountTokensParams
    from anthropic.types.message_create_params import (
        MessageCreateParamsNonStreaming,
        MessageCreateParamsStreaming,
    )
    from anthropic.types.messages import BatchCreateParams

    kinds = {
        "POST /v1/messages": MessageCreateParamsNonStreaming,
        "POST /v1/messages, streaming": MessageCreateParamsStreaming,
        "POST /v1/messages/count_tokens": MessageCountTokensParams,
        "POST /v1/messages/batches": BatchCreateParams,
    }
    made: dict[Any, Any] = {}
    return {name: TypeAdapter(_closed(kind, made)) for name, kind in kinds.items()}


@cache
def _answers() -> dict[str, TypeAdapter[Any]]:
    from anthropic.types import Message, MessageTokensCount, ModelInfo
    from anthropic.types.messages import (
        DeletedMessageBatch,
        MessageBatch,
        MessageBatchIndividualResponse,
    )
    from anthropic.types.shared import ErrorResponse

    kinds = {
        "message": Message,
        "count": MessageTokensCount,
        "model": ModelInfo,
        "batch": MessageBatch,
        "deleted": DeletedMessageBatch,
        "row": MessageBatchIndividualResponse,
        "error": ErrorResponse,
    }
    return {name: TypeAdapter(kind) for name, kind in kinds.items()}


@cache
def _events() -> dict[str, TypeAdapter[Any]]:
    from anthropic.types import RawMessageStreamEvent

    return {
        get_args(member.model_fields["type"].annotation)[0]: TypeAdapter(member)
        for member in get_args(get_args(RawMessageStreamEvent)[0])
    }


def _closed(kind: Any, made: dict[Any, Any]) -> Any:
    """A request type without room for unknown fields, its lists as lists; answers are no part of a request."""
    if is_typeddict(kind):
        if kind not in made:
            hints = get_type_hints(kind, include_extras=True)
            fields = {
                name: _needed(
                    _origin(hint) is Required or name in kind.__required_keys__,
                    _closed(hint, made),
                )
                for name, hint in hints.items()
            }
            made[kind] = TypedDict(kind.__name__, fields)  # type: ignore[operator]
            kept: Any = getattr(kind, "__pydantic_config__", {})
            made[kind].__pydantic_config__ = {"extra": "forbid", **kept}
        return made[kind]
    origin, inner = _origin(kind), get_args(kind)
    if origin in (Required, NotRequired):
        return _closed(inner[0], made)
    if origin is Union:
        members = tuple(_closed(one, made) for one in inner if not _is_answer(one))
        return Union[members]  # noqa: UP007  they are only known when this runs
    if origin in (Iterable, Sequence, list):
        return list[_closed(inner[0], made)]  # type: ignore[misc]
    return kind


def _origin(kind: Any) -> Any:
    return get_origin(kind)


def _needed(required: bool, kind: Any) -> Any:
    return Required[kind] if required else NotRequired[kind]


def _is_answer(kind: Any) -> bool:
    members = get_args(get_args(kind)[0]) if get_args(kind) else (kind,)
    return any(isinstance(one, type) and issubclass(one, BaseModel) for one in members)


def _wrong(kind: TypeAdapter[Any], data: Any) -> str | None:
    try:
        found = kind.validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        return _said(error)
    return _extra(found, "")


def _said(error: ValidationError) -> str:
    """The fault in the branch of a union that fits best: its tags are right, it lies deep, its errors are few."""
    branches: dict[tuple[Any, ...], list[Any]] = {}
    for one in error.errors():
        places = [at for at, part in enumerate(one["loc"]) if _is_branch(part)]
        branches.setdefault(one["loc"][: places[-1] + 1] if places else (), []).append(one)
    misfits = [
        branch
        for branch, found in branches.items()
        if any(e["loc"][-1] in TAGS and "literal" in e["type"] for e in found)
        or any(e["loc"][-1] == "str" for e in found)
    ]

    def unfit(branch: tuple[Any, ...]) -> tuple[bool, int, int]:
        wrong = any(branch[: len(one)] == one for one in misfits)
        return wrong, -len(branch), len(branches[branch])

    first = branches[min(branches, key=unfit)]
    tag = next((e for e in first if e["loc"][-1] in TAGS), first[0])
    where = [str(part) for part in tag["loc"] if not _is_branch(part)]
    return f"{'.'.join(where)}: {tag['msg']}"


def _is_branch(part: Any) -> bool:
    """True for the name of a union's member, which pydantic puts among the names of fields."""
    text = str(part)
    return text == "str" or text[:1].isupper() or "[" in text


def _extra(value: Any, path: str) -> str | None:
    """The first field in an answer that its type does not know."""
    if isinstance(value, BaseModel):
        for name in value.model_extra or ():
            return f"{path}{name}: Extra inputs are not permitted"
        return _first(_extra(one, f"{path}{name}.") for name, one in value)
    if isinstance(value, Mapping):
        return _first(_extra(one, f"{path}{name}.") for name, one in value.items())
    if isinstance(value, list):
        return _first(_extra(one, f"{path}{at}.") for at, one in enumerate(value))
    return None


def _first(found: Iterable[str | None]) -> str | None:
    return next((one for one in found if one is not None), None)
