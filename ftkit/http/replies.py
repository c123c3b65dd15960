"""Reading a provider's JSON: strict about what it is, and by name about what is missing.

Python's parser takes NaN, overflowing numbers and half surrogates; none of them is JSON that can be passed on.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from ftkit.errors import ProviderError

_MAX_DEPTH = 200  # levels of brackets, far above any reply and far below Python's recursion limit
_ID = re.compile(
    r"[!$&-;=@-\[\]^_a-z{|}~]{1,1000}"
)  # printable, without white space, quotes, ? # % and \\
_HALF_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class NotJson(ValueError):
    """Why some bytes are not a value that can be used: "is empty", "is not UTF-8"."""


def parse(body: bytes | bytearray) -> Any:
    """One JSON value; raises NotJson."""
    if not body.strip():
        raise NotJson("is empty")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise NotJson("is not UTF-8") from None
    if text.lstrip("\ufeff \t\r\n").startswith("<"):
        raise NotJson("is a page (HTML or XML), not JSON")
    try:
        value = json.loads(text, parse_constant=_constant, parse_float=_float)
        if _HALF_SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except NotJson:
        raise
    except UnicodeEncodeError:
        raise NotJson("holds half of a surrogate pair, which is no character") from None
    except ValueError as error:
        raise NotJson(f"is not JSON ({str(error)[:80]})") from None
    except RecursionError:
        raise NotJson("is nested too deeply") from None
    if _deeper_than(_MAX_DEPTH, value):
        raise NotJson("is nested too deeply")
    return value


def _constant(name: str) -> NoReturn:
    raise NotJson(f"holds {name}, which is not JSON")


def _float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise NotJson("holds a number that is too large")
    return value


def _deeper_than(limit: int, value: Any) -> bool:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(limit):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def error_words(value: Any) -> tuple[str, str] | None:
    """`(code, message)` of an error body, None where the value is none; the code may be "".

    Knows the shapes in use: `{"error": {...}}`, `{"error": "..."}`, `{"message": ...}`, `{"detail": "..." | [...]}`.
    """
    if not isinstance(value, dict):
        return None
    error = value.get("error")
    inner = error if isinstance(error, dict) else {}
    for message in (
        *(inner.get(name) for name in ("message", "detail", "code", "type")),
        error,
        value.get("message"),
        value.get("Message"),
        value.get("detail"),
    ):
        words = _words(message)
        if words:
            return _code(inner) or _code(value), words
    return None


def _words(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):  # [{"loc": ["body", "epochs"], "msg": "..."}]
        return "; ".join(filter(None, map(_complaint, value[:5])))
    return ""


def _complaint(value: Any) -> str:
    if not isinstance(value, dict):
        return _words(value) if isinstance(value, str) else ""
    message = value.get("msg") or value.get("message")
    if not isinstance(message, str):
        return ""
    place = value.get("loc")
    where = ".".join(str(part) for part in place[:10]) if isinstance(place, list) else ""
    return f"{where}: {message}" if where else message


def _code(value: Mapping[str, Any]) -> str:
    for name in ("code", "status", "type", "__type"):
        code = value.get(name)
        if isinstance(code, str) and code.strip() and code != "error":
            return code.strip()
    return ""


def text(reply: Mapping[str, Any], field: str) -> str:
    """A text that is there and not blank; like all below raises ProviderError naming the field."""
    value = reply.get(field)
    if not isinstance(value, str) or not value.strip():
        _missing(field, "a text", value)
    return value


def ident(reply: Mapping[str, Any], field: str) -> str:
    """An id: text that can stand in an address and in a line of a ledger as it is.

    One that cannot would be kept, and every later call would fail on it.
    """
    value = text(reply, field)
    if not _ID.fullmatch(value) or ".." in value.split("/"):
        raise ProviderError(f"the provider's reply has a {field!r} that is no id")
    return value


def optional_text(reply: Mapping[str, Any], field: str) -> str | None:
    """A text, or None where it is missing or null."""
    value = reply.get(field)
    if value is not None and not isinstance(value, str):
        _missing(field, "a text or null", value)
    return value


def number(reply: Mapping[str, Any], field: str) -> int | float:
    """A finite number; true and false are none."""
    value = reply.get(field)
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        _missing(field, "a number", value)
    return value


def optional_number(reply: Mapping[str, Any], field: str) -> int | float | None:
    """A finite number, or None where it is missing or null."""
    return None if reply.get(field) is None else number(reply, field)


def whole(reply: Mapping[str, Any], field: str) -> int:
    """A whole number, written without a fraction."""
    value = reply.get(field)
    if not isinstance(value, int) or isinstance(value, bool):
        _missing(field, "a whole number", value)
    return value


def optional_whole(reply: Mapping[str, Any], field: str) -> int | None:
    """A whole number, or None where it is missing or null."""
    return None if reply.get(field) is None else whole(reply, field)


def flag(reply: Mapping[str, Any], field: str) -> bool:
    """True or false; a text that says so is none."""
    value = reply.get(field)
    if not isinstance(value, bool):
        _missing(field, "true or false", value)
    return value


def inner(reply: Mapping[str, Any], field: str) -> dict[str, Any]:
    """An object inside the reply."""
    value = reply.get(field)
    if not isinstance(value, dict):
        _missing(field, "an object", value)
    return value


def items(reply: Mapping[str, Any], field: str) -> list[dict[str, Any]]:
    """A list of objects; an empty one is fine, a missing one is not."""
    value = reply.get(field)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        _missing(field, "a list of objects", value)
    return value


def _missing(field: str, wanted: str, value: Any) -> NoReturn:
    kinds = {bool: "true or false", str: "a text", dict: "an object", list: "a list"}
    there = "nothing" if value is None else kinds.get(type(value), "a number")
    if isinstance(value, str) and not value.strip():
        there = "a blank text"
    raise ProviderError(
        f"the provider's reply has no {field!r}: {wanted} was expected, {there} is there"
    )
