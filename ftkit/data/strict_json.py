"""JSON as data needs it: what Python's parser lets through by default and no provider takes is refused here.

Duplicate keys, NaN, numbers that overflow, lone surrogates, NUL and depth without end all load silently elsewhere.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from ftkit.errors import DataError, Fault

MAX_DEPTH = 100  # levels of brackets; far above any real row, far below Python's recursion limit
MAX_DIGITS = 1_000  # of one integer; longer ones cost quadratic time and mean nothing

# a string (closed or not), or one structural byte: enough to follow brackets without parsing
STRUCTURE = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{},]', re.DOTALL)
_SUSPICIOUS_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_SURROGATE = re.compile("[\ud800-\udfff]")


def parse_object(data: bytes) -> dict[str, Any]:
    """One JSON object; raises DataError with one Fault that has reason and field, but no place in a file yet."""
    value = parse_value(data)
    if not isinstance(value, dict):
        _refuse(f"a row must be a JSON object, this is {kind_of(value)}")
    return value


def parse_value(data: bytes) -> Any:
    """Any one JSON value, as strictly as `parse_object`."""
    if b"\0" in data:
        _refuse(f"a NUL byte at byte {data.index(0) + 1} of the row; text never has one")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        _refuse(
            f"invalid UTF-8 at byte {error.start + 1} of the row ({error.reason}); "
            "save the file as UTF-8"
        )
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH and _depth(data) > MAX_DEPTH:
        _refuse(f"nested deeper than {MAX_DEPTH} levels")
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        _refuse_known(text, error)
        line = f"line {error.lineno} of the row, " if error.lineno > 1 else ""
        what = error.msg[:1].lower() + error.msg[1:].removesuffix(" at")
        _refuse(f"invalid JSON at {line}column {error.colno}: {what}")
    except RecursionError:
        _refuse("nested too deeply")
    if _SUSPICIOUS_ESCAPE.search(text):
        for field, string in strings(value):
            check_text(string, field)
    return value


def _refuse_known(text: str, error: json.JSONDecodeError) -> None:
    """Refuse in better words than the parser's what has one well-known cause."""
    if text.startswith("\ufeff"):
        _refuse("a byte order mark inside the file, as where two files were joined; remove it")
    gap = text[len(text[: error.pos].rstrip(" \t\r\n")) : error.pos]
    if error.msg == "Extra data" and "\r" in gap:
        place = len(text[: error.pos - len(gap) + gap.index("\r")].encode()) + 1
        _refuse(
            f"a lone carriage return at byte {place} of the row, where a line feed should end it; save the "
            "file with line feeds (\\n)"
        )


def check_text(text: str, field: str | None) -> None:
    """Refuse what UTF-8 cannot write, and NUL."""
    if "\0" in text:
        _refuse("the text has a NUL character; remove it", field)
    if not text.isascii() and (bad := _SURROGATE.search(text)) is not None:
        _refuse(
            f"half of a surrogate pair (\\u{ord(bad.group()):04x}), which is no character; "
            "repair the text where it was cut",
            field,
        )


def strings(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every string inside a JSON value with its path, keys included: ("messages[0].content", "...")."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            inside = f"{path}.{key}" if path else key
            yield inside, key
            yield from strings(inner, inside)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from strings(inner, f"{path}[{index}]")


def kind_of(value: Any) -> str:
    """A value's JSON type in words: "a number", "null"."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    names: tuple[tuple[Any, str], ...] = (
        (str, "text"),
        (int | float, "a number"),
        (list | tuple, "a list"),
        (Mapping, "an object"),
    )
    for kind, name in names:
        if isinstance(value, kind):
            return name
    return f"a Python {type(value).__name__}"


def _depth(data: bytes) -> int:
    depth = deepest = 0
    for match in STRUCTURE.finditer(data):
        token = match.group()
        if token in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif token in b"]}":
            depth -= 1
    return deepest


def _refuse(reason: str, field: str | None = None) -> NoReturn:
    raise DataError(reason, [Fault(reason, field=field)])


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                _refuse(f"the key {key!r} appears twice in one object; keep one")
            seen.add(key)
    return result


def _float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        _refuse(f"the number {digits[:20]} is too large to be represented")
    return value


def _int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        _refuse(f"an integer of {len(digits):,} digits; write it as text")
    return int(digits)


def _constant(name: str) -> NoReturn:
    _refuse(f"{name} is not JSON; write null, or text")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_float, parse_int=_int, parse_constant=_constant
)
