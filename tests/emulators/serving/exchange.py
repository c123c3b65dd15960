"""A request as the rooms see it, the answer they give, and the refusal, whose form each provider decides."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

JSON = "application/json"
SSE = "text/event-stream; charset=utf-8"


@dataclass(frozen=True, slots=True)
class FormFile:
    """A file of a multipart form."""

    filename: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `route` is its name in counts and faults ("GET /v1/files/ID"), `ids` what stands in its path.

    `id` is the part named so; `refuse` makes the provider's own form of an error.
    """

    method: str
    path: str
    route: str
    id: str
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes
    form: Mapping[str, str | FormFile] | None
    now: datetime
    account: Any = None
    ids: Mapping[str, str] = field(default_factory=dict)
    refuse: Callable[..., Refusal] = field(default=lambda *a, **k: Refusal(*a, **k))

    @property
    def asked(self) -> str:
        """Its query as text, decoded."""
        return "&".join(f"{name}={text}" for name, text in self.query)

    @property
    def scope(self) -> Any:
        """Whose request it is; only rooms behind the key check ask."""
        assert self.account is not None
        return self.account

    def argument(self, name: str) -> str | None:
        """A query argument, the last where it is repeated."""
        found = [text for key, text in self.query if key == name]
        return found[-1] if found else None

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number among the query arguments; refused outside its range."""
        text = self.argument(name)
        if text is None:
            return default
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise self.refuse(
                400, f"Invalid '{name}': integer between {low} and {high} expected.", param=name
            )
        return int(text)

    def json(self) -> dict[str, Any]:
        """The body as an object; refused where it is none."""
        try:
            body = json.loads(self.body or b"{}")
        except ValueError as error:
            raise self.refuse(400, "We could not parse the JSON body of your request.") from error
        if not isinstance(body, dict):
            raise self.refuse(400, "The JSON body of your request is not an object.")
        return body


@dataclass(slots=True)
class Reply:
    """One answer. `judged` is laid before the contract instead of `data` where it was told to deviate, by `deviates`.

    `events` are the parts of a stream, whose JSON is in `streamed`.
    """

    status: int
    data: Any = None
    body: bytes | None = None
    media_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    judged: Any = None
    deviates: frozenset[str] = frozenset()
    events: list[bytes] | None = None
    streamed: list[Any] | None = None

    def content(self) -> bytes:
        """The whole body."""
        if self.events is not None:
            return b"".join(self.events)
        return self.body if self.body is not None else json.dumps(self.data).encode()


class Refusal(Exception):
    """An answer that is an error; a provider's own class overrides `body`."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        type: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.type = type
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """The JSON that the provider sends."""
        return {"error": {"message": self.message}}

    def reply(self) -> Reply:
        """The answer that carries it."""
        return Reply(self.status, self.body(), headers=self.headers)


def answer(data: Any, judged: Any = None, deviates: frozenset[str] = frozenset()) -> Reply:
    """200 with JSON."""
    return Reply(200, data, judged=judged, deviates=deviates)


def raw(content: bytes, media_type: str, deviates: str) -> Reply:
    """200 with bytes as they are, which the contract does not describe."""
    return Reply(200, body=content, media_type=media_type, deviates=frozenset((deviates,)))


def stream(parts: Sequence[tuple[str | None, Any]], done: bool) -> Reply:
    """200 with server-sent events: each an event name (or None) and its JSON; `done` ends with [DONE]."""
    events = [
        (f"event: {name}\n" if name else "").encode() + f"data: {json.dumps(data)}\n\n".encode()
        for name, data in parts
    ]
    if done:
        events.append(b"data: [DONE]\n\n")
    return Reply(200, media_type=SSE, events=events, streamed=[data for _, data in parts])
