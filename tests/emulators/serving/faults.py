"""Faults that a test orders: which request, whether it takes effect first, and what the client sees instead.

Of several faults the first that is live wins. A fault whose `skip` is not used up lets the request pass to the next.
"""

from __future__ import annotations

import base64
import binascii
import copy
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from .clock import parse
from .exchange import Refusal

# Those that end without a whole answer of the emulator's own words.
ACTIONS = (
    "close",  # the connection ends without a word
    "reset",  # and so, with RST
    "half",  # the right length, half of the body
    "hang",  # nothing for `seconds` of real time, then close
    "reply",  # `status`, `headers`, `body` or `body_base64`
    "raw",  # the same byte for byte, whatever HTTP says to it, `part` of the body, then the end of the connection
    "refuse",  # the provider's error `code`, with `retry_after`
    "patch",  # `fields` laid over the real answer's JSON, `remove` taken out of it
    "duplicate",  # each item of the answer's list twice
    "reverse",  # the answer's list from its end
)
AFTER = ("half", "patch", "duplicate", "reverse")  # they need the real answer


@dataclass(slots=True)
class Fault:
    """One ordered fault. `judged`: the patched answer is laid before the contract, which is to see the change.

    `query` is a regular expression for a part of the query of the requests that it hits.
    """

    on: str
    action: str
    process: bool
    query: str = ""
    skip: int = 0
    times: int | None = 1
    seconds: float = 60.0
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    part: float = 1.0
    code: str | None = None
    retry_after: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    remove: list[str] = field(default_factory=list)
    judged: bool = False
    until: datetime | None = None

    def live(self, now: datetime) -> bool:
        """True where it still has requests to hit."""
        return self.times != 0 and (self.until is None or now < self.until)

    def changed(self, data: Any, lists: Collection[str]) -> Any:
        """The answer's JSON as "patch", "duplicate" or "reverse" leave it; `lists` are the names of a page's list."""
        data = copy.deepcopy(data)
        if self.action == "patch":
            for path, value in self.fields.items():
                place, last = _walk(data, path)
                place[last] = value
            for path in self.remove:
                place, last = _walk(data, path)
                del place[last]
            return data
        for name in lists:
            if isinstance(data, dict) and isinstance(found := data.get(name), list):
                doubled = [one for item in found for one in (item, item)]
                data[name] = doubled if self.action == "duplicate" else found[::-1]
        return data


FIELDS = frozenset(entry.name for entry in fields(Fault)) | {"body_base64"}


class Faults:
    """The faults ordered so far, in order. `codes` are those that "refuse" may name."""

    def __init__(self, codes: Collection[str]) -> None:
        self._codes = codes
        self._ordered: list[Fault] = []

    def add(self, orders: Iterable[Any], routes: Iterable[str]) -> int:
        """Order more faults, all or none; returns how many there are. `routes` are the names `on` may have."""
        known = {"*", *routes}
        self._ordered += [_ordered(order, known, self._codes) for order in orders]
        return len(self._ordered)

    def clear(self) -> None:
        """Forget all."""
        self._ordered.clear()

    def strike(self, route: str, query: str, now: datetime) -> Fault | None:
        """The fault that hits this request, if one does; it is used up by one."""
        for fault in self._ordered:
            if fault.on not in ("*", route) or not fault.live(now):
                continue
            if not re.search(fault.query, query):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
            return fault
        return None


def _walk(data: Any, path: str) -> tuple[Any, Any]:
    """The container and the last key of a path such as "data.0.level"."""
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for key in way:
        data = data[key]
    return data, last


def _ordered(order: Any, routes: set[str], codes: Collection[str]) -> Fault:
    """A fault from JSON; by default the request takes effect only where its real answer is needed."""
    if not isinstance(order, dict):
        raise Refusal(400, f"a fault is an object, not {order!r}")
    if unknown := sorted(set(order) - FIELDS):
        raise Refusal(400, f"a fault has no field {unknown[0]!r}")
    order = dict(order)
    if order.get("on") not in routes:
        raise Refusal(400, f"there is no route {order.get('on')!r}; there are {sorted(routes)}")
    action = order.get("action")
    if action not in ACTIONS:
        raise Refusal(400, f"there is no action {action!r}; there are {ACTIONS}")
    if action == "refuse" and order.get("code") not in codes:
        raise Refusal(400, f"there is no code {order.get('code')!r}; there are {sorted(codes)}")
    try:
        body = order.pop("body", None)
        if "body_base64" in order:
            order["body"] = base64.b64decode(order.pop("body_base64"), validate=True)
        elif body is not None:
            order["body"] = body.encode()
        re.compile(order.get("query", ""))
        if order.get("until"):
            order["until"] = parse(order["until"])
        fault = Fault(**{"process": action in AFTER, **order})
    except (ValueError, TypeError, AttributeError, binascii.Error, re.error) as error:
        raise Refusal(400, f"{order!r}: {error}") from error
    if action in AFTER and not fault.process:
        raise Refusal(400, f"{action} changes the real answer: process cannot be false")
    return fault
