"""Pages of a list, newest first unless told otherwise; `after` names the last object of the page before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..serving.exchange import Call
from .refusals import Refusal

T = TypeVar("T")


def page(
    call: Call, found: Sequence[T], id_of: Callable[[T], str], *, default: int, most: int
) -> tuple[list[T], bool]:
    """The page that the query asks for, and whether there is more. `found` is in the order of the list."""
    limit = call.number("limit", default, low=1, high=most)
    start = 0
    if after := call.argument("after"):
        places = [place for place, item in enumerate(found) if id_of(item) == after]
        if not places:
            raise Refusal(404, f"No such object: {after}", param="after")
        start = places[0] + 1
    return list(found[start : start + limit]), len(found) > start + limit


def listed(data: list[dict[str, Any]], has_more: bool, *, ends: bool) -> dict[str, Any]:
    """The envelope; `ends` adds the first and the last id ("" in an empty list, as the contract wants text)."""
    envelope: dict[str, Any] = {"object": "list", "data": data, "has_more": has_more}
    if ends:
        envelope["first_id"] = data[0]["id"] if data else ""
        envelope["last_id"] = data[-1]["id"] if data else ""
    return envelope
