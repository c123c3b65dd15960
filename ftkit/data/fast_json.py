"""The strict parser's answers at the speed of orjson, which is lax in three things: keys that appear twice, integers
above 64 bits (it rounds them) and NUL. A row that might have one of them, or that orjson refuses, goes to `strict_json`.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ftkit.data.strict_json import MAX_DEPTH, parse_object

try:
    import orjson
except ImportError:  # where there is no wheel of it the same rows load, at half the speed
    orjson = None  # type: ignore[assignment]

_LONG_INTEGER = re.compile(rb"[0-9]{19}")
_NUL = re.compile(rb"\\u0000")  # a regular expression finds it faster than `in` does
_KEY = re.compile(
    rb'"[ \t\r\n]*:'
)  # every key ends so; so does a quote in a text that a colon follows


def parse_row(data: bytes) -> dict[str, Any]:
    """Exactly what `parse_object` returns or raises."""
    if orjson is None:
        return parse_object(data)
    try:
        value = orjson.loads(data)
    except ValueError:
        return parse_object(data)  # which says in our words why, or accepts what orjson does not
    if type(value) is not dict:
        return parse_object(data)
    keys, depth, has_float = _shape(value)
    if (
        depth > MAX_DEPTH
        or (has_float and _LONG_INTEGER.search(data))
        or _NUL.search(data)
        or not _all_keys(value, keys, data)
    ):
        return parse_object(data)
    return value


def decode(data: bytes) -> Any:
    """The value of a row that was strict when it was stored."""
    if orjson is None:
        return json.loads(data)
    try:
        value = orjson.loads(data)
    except ValueError:
        return json.loads(data)
    if type(value) is dict and _shape(value)[2] and _LONG_INTEGER.search(data):
        return json.loads(data)
    return value


def _shape(value: dict[str, Any]) -> tuple[int, int, bool]:
    """How many keys there are, how many levels, and whether there is a float, which may have been a large integer."""
    keys, depth, has_float = 0, 0, False
    level: list[Any] = [value]
    while level:
        depth += 1
        inner: list[Any] = []
        for holder in level:
            if type(holder) is dict:
                keys += len(holder)
                holder = holder.values()
            for item in holder:
                kind = type(item)
                if kind is str:
                    continue
                if kind is dict or kind is list:
                    inner.append(item)
                elif kind is float:
                    has_float = True
        level = inner
    return keys, depth, has_float


def _all_keys(value: dict[str, Any], keys: int, data: bytes) -> bool:
    """Whether it is certain that no key was dropped because it came twice.

    There are never fewer ends of keys in the text than keys in the value, so an equal number is proof. Where texts hold
    such ends too (JSON in a string), an equal number of colons in the value written again is proof, unless some are
    written as escapes.
    """
    if len(_KEY.findall(data)) == keys:
        return True
    return b"\\u003" not in data and orjson.dumps(value).count(b":") == data.count(b":")
