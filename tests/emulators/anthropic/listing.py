"""Pages of a list: `after_id` and `before_id` name the object beside which a page lies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..serving.exchange import Call
from .refusals import invalid

T = TypeVar("T")
DEFAULT, MOST = 20, 1000


def page(call: Call, found: Sequence[T], id_of: Callable[[T], str]) -> tuple[list[T], bool]:
    """The page that the query asks for, and whether there is more on its far side."""
    limit = call.number("limit", DEFAULT, low=1, high=MOST)
    after, before = call.argument("after_id"), call.argument("before_id")
    if after and before:
        raise invalid("only one of after_id and before_id may be given")
    ids = [id_of(one) for one in found]
    for name, id in (("after_id", after), ("before_id", before)):
        if id and id not in ids:
            raise invalid(f"{name}: there is no object {id}")
    if before:
        end = ids.index(before)
        return list(found[max(0, end - limit) : end]), end > limit
    start = ids.index(after) + 1 if after else 0
    return list(found[start : start + limit]), len(found) > start + limit


def listed(data: list[dict[str, Any]], has_more: bool) -> dict[str, Any]:
    """The envelope; an empty page has no ends."""
    return {
        "data": data,
        "has_more": has_more,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
    }
