"""What goes in and out of a route: a `Call`, a `Reply`, and `Refusal`, an error that becomes a reply."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


class Refusal(Exception):
    """The request is answered with `status` and {"error": {"code", "message"}}; it had no effect."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Call:
    """One request, read to its end. `headers` have lower-case names; `id` is the path's variable part."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    now: datetime
    organisation: str = ""
    id: str = ""

    def fields(self, known: frozenset[str] | None = None) -> dict[str, Any]:
        """The body as a JSON object; refused where it is none or has a field that is not `known`."""
        try:
            value = json.loads(self.body or b"{}")
        except (ValueError, RecursionError) as error:
            raise Refusal(400, "bad_json", f"the body is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise Refusal(400, "bad_json", "the body is not a JSON object")
        for name in value:
            if known is not None and name not in known:
                raise Refusal(400, "unknown_field", f"there is no field {name!r}")
        return value

    def number(self, name: str, default: int, low: int, high: int | None = None) -> int:
        """A whole number of the query, refused outside `low` to `high`."""
        text = self.query.get(name, str(default))
        if not text.isdecimal() or int(text) < low or (high is not None and int(text) > high):
            bounds = f"{low} or more" if high is None else f"{low} to {high}"
            raise Refusal(400, f"bad_{name}", f"{name} is {text!r}; it can be {bounds}")
        return int(text)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. With `pieces` the body goes out as HTTP chunks, one for each piece."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    pieces: tuple[bytes, ...] = ()


def answer(value: Any, status: int = 200, **headers: str) -> Reply:
    """A reply that carries `value` as JSON; a header's name is written with underscores for dashes."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    named["Content-Type"] = "application/json"
    return Reply(status, json.dumps(value).encode(), named)


def refused(refusal: Refusal, echo: str = "") -> Reply:
    """The reply of a refusal; `echo` is what a careless server repeats of the request."""
    error = {"code": refusal.code, "message": refusal.message + echo}
    return answer({"error": error}, refusal.status)
