"""A JSON file that is one array of objects. Elements are cut out by their brackets first, then parsed one by one, so
that one bad row does not hide the rows after it."""

from __future__ import annotations

from collections.abc import Iterator

from ftkit.data.records import Reading, attempt
from ftkit.data.strict_json import STRUCTURE, parse_object
from ftkit.errors import DataError, Fault

_SPACE = b" \t\r\n"


def read_json_array(body: bytes, start: int = 0) -> Reading:
    """Every row or its fault, in order; `start` is the byte where the text begins.

    Raises DataError where the file is no array. A file that ends too early yields a fault for what is missing.
    """
    opening = _skip_space(body, start)
    if body[opening : opening + 1] != b"[":
        hint = ""
        if body[opening : opening + 1] == b"{":
            hint = "; if it has one object a line, name it .jsonl, else put the objects in [ ]"
        reason = f"a .json file must hold an array of objects{hint}"
        line = body.count(b"\n", 0, opening) + 1
        raise DataError(reason, [Fault(reason, row=1, line=line, offset=opening)])
    counted = opening
    line = body.count(b"\n", 0, opening) + 1
    elements = _elements(body, opening + 1)
    for row, (first, last, complaint) in enumerate(elements, start=1):
        line += body.count(b"\n", counted, first)
        counted = first
        if complaint:
            yield Fault(complaint, row=row, line=line, offset=first)
        else:
            yield from attempt(parse_object, body[first:last], row, line, first)


def _elements(body: bytes, start: int) -> Iterator[tuple[int, int, str]]:
    """(first byte, byte after the last, complaint) of each element after the opening bracket."""
    depth, first, any_before = 0, start, False
    for match in STRUCTURE.finditer(body, start):
        token = match.group()
        if token in (b"[", b"{"):
            depth += 1
        elif depth and token in (b"]", b"}"):
            depth -= 1
        elif not depth and token in (b",", b"]", b"}"):
            begin, end = _trim(body, first, match.start())
            if begin < end:
                yield begin, end, ""
            elif token == b"," or any_before:
                yield begin, end, "there is no row here: a comma too many"
            any_before, first = True, match.end()
            if token != b",":
                after = _skip_space(body, first)
                if token == b"}":
                    yield match.start(), first, "invalid JSON: a closing brace too many"
                elif after < len(body):
                    yield after, len(body), "invalid JSON: there is text after the end of the array"
                return
    begin, end = _trim(body, first, len(body))
    yield begin, end, "invalid JSON: the file ends inside this row or before the closing ]"


def _trim(body: bytes, first: int, last: int) -> tuple[int, int]:
    while first < last and body[first] in _SPACE:
        first += 1
    while last > first and body[last - 1] in _SPACE:
        last -= 1
    return first, last


def _skip_space(body: bytes, position: int) -> int:
    while position < len(body) and body[position] in _SPACE:
        position += 1
    return position
