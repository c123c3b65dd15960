"""Faults that a test orders: which request, whether it takes effect first, and what the client sees instead.

Of several faults the first that is live wins. A fault whose `skip` is not used up lets the request pass to the next.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .clock import parse
from .replies import Refusal

ACTIONS = ("close", "reset", "half", "hang", "reply", "patch")
FIELDS = frozenset(
    [
        "on",
        "action",
        "skip",
        "times",
        "process",
        "seconds",
        "status",
        "headers",
        "body",
        "body_base64",
        "fields",
        "until",
    ]
)


@dataclass(slots=True)
class Fault:
    """One ordered fault.

    `process`: the request takes effect before the client sees the fault. `body`, `status` and `headers` stand in for
    the real reply in "reply" and, where given, in "half"; `fields` are laid over its JSON in "patch".
    """

    on: str
    action: str
    process: bool
    skip: int = 0
    times: int | None = 1
    seconds: float = 60.0
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    until: datetime | None = None

    def live(self, now: datetime) -> bool:
        """True where it still has requests to hit."""
        return self.times != 0 and (self.until is None or now < self.until)


class Faults:
    """The faults ordered so far, in order."""

    def __init__(self) -> None:
        self._ordered: list[Fault] = []

    def add(self, orders: Iterable[Any], routes: Iterable[str]) -> int:
        """Order more faults, all or none; returns how many there are. `routes` are the names `on` may have."""
        known = {"*", *routes}
        self._ordered += [_ordered(order, known) for order in orders]
        return len(self._ordered)

    def clear(self) -> None:
        """Forget all."""
        self._ordered.clear()

    def strike(self, route: str, now: datetime) -> Fault | None:
        """The fault that hits this request, if one does; it is used up by one."""
        for fault in self._ordered:
            if fault.on not in ("*", route) or not fault.live(now):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
            return fault
        return None


def _ordered(order: Any, routes: set[str]) -> Fault:
    """A fault from JSON; by default the request takes effect only where its real reply is needed."""
    if not isinstance(order, dict):
        raise Refusal(400, "bad_fault", f"a fault is an object, not {order!r}")
    if unknown := sorted(set(order) - FIELDS):
        raise Refusal(400, "bad_fault", f"a fault has no field {unknown[0]!r}")
    on, action = order.get("on"), order.get("action")
    if on not in routes:
        raise Refusal(400, "bad_fault", f"there is no route {on!r}; there are {sorted(routes)}")
    if action not in ACTIONS:
        raise Refusal(400, "bad_fault", f"there is no action {action!r}; there are {ACTIONS}")
    body = order.get("body")
    try:
        content = body.encode() if body is not None else None
        if "body_base64" in order:
            content = base64.b64decode(order["body_base64"], validate=True)
        fault = Fault(
            on=on,
            action=action,
            process=bool(order.get("process", action in ("half", "patch"))),
            skip=int(order.get("skip", 0)),
            times=None if order.get("times", 1) is None else int(order.get("times", 1)),
            seconds=float(order.get("seconds", 60)),
            status=None if order.get("status") is None else int(order["status"]),
            headers={str(name): str(text) for name, text in order.get("headers", {}).items()},
            body=content,
            fields=dict(order.get("fields", {})),
            until=parse(order["until"]) if order.get("until") else None,
        )
    except (ValueError, TypeError, AttributeError, binascii.Error) as error:
        raise Refusal(400, "bad_fault", f"{order!r}: {error}") from error
    if action == "patch" and not fault.process:
        raise Refusal(400, "bad_fault", "a patch changes the real reply: process cannot be false")
    return fault
