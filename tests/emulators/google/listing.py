"""Pages of a list and the filters that a list takes: `labels.KEY=VALUE`, `labels.KEY:VALUE`, `labels.KEY:*`, `state="..."`.

Several are joined by AND. What a filter cannot mean is refused, so that a client's slip does not find everything.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from ..serving.exchange import Call
from .refusals import Refused

T = TypeVar("T")
DEFAULT_SIZE = 100
MOST = 1000
TERM = re.compile(
    r'(?P<field>labels\.[a-z0-9_-]+|state)\s*(?P<op>=|:|!=)\s*(?P<value>"[^"]*"|[A-Za-z0-9_*-]+)'
)


def filtered(
    call: Call,
    found: Sequence[T],
    labels_of: Callable[[T], Mapping[str, str]],
    state_of: Callable[[T], str],
) -> list[T]:
    """Those that the query's filter lets through."""
    text = (call.argument("filter") or "").strip()
    if not text:
        return list(found)
    kept = list(found)
    for term in re.split(r"\s+AND\s+", text):
        match = TERM.fullmatch(term.strip())
        if match is None:
            raise Refused(400, f"Invalid filter: {text!r}.")
        field, op = match["field"], match["op"]
        value = match["value"].strip('"')

        def has(one: T, field: str = field, op: str = op, value: str = value) -> bool:
            if field == "state":
                equal = f"JOB_STATE_{state_of(one)}" == value
            else:
                own = labels_of(one).get(field.removeprefix("labels."))
                equal = own is not None and (own == value or (op == ":" and value == "*"))
            return equal != (op == "!=")

        kept = [one for one in kept if has(one)]
    return kept


def page(call: Call, found: Sequence[T]) -> tuple[list[T], str]:
    """The page that the query asks for, and the token of the next one ("" at the end)."""
    size = call.number("pageSize", 0, 0, 1_000_000) or DEFAULT_SIZE
    size = min(size, MOST)
    start = 0
    if token := call.argument("pageToken"):
        try:
            start = int(base64.urlsafe_b64decode(token.encode()).decode().removeprefix("at:"))
        except ValueError as error:
            raise Refused(400, "Invalid page token.") from error
    following = start + size
    more = base64.urlsafe_b64encode(f"at:{following}".encode()).decode()
    return list(found[start:following]), more if len(found) > following else ""
