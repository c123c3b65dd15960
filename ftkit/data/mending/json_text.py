"""Other texts put into the JSON of a row, and nothing else of it touched: not its spaces, its numbers, or how it escapes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ftkit.data.mending.places import Path

_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{},:]', re.DOTALL)


def with_texts(data: bytes, edits: Mapping[Path, str], under: Path = ()) -> bytes:
    """The JSON with these texts in these fields; `under` is the field of which `data` is the whole value."""
    parts: list[bytes] = []
    at, left = 0, set(edits)
    for path, start, end in _strings(data, under):
        if path in edits:
            parts += [data[at:start], _string(edits[path], data[start:end])]
            at = end
            left.discard(path)
    assert not left, left
    return b"".join([*parts, data[at:]])


def _string(text: str, like: bytes) -> bytes:
    escaped = like.isascii() and not json.loads(like).isascii()
    return json.dumps(text, ensure_ascii=escaped).encode("utf-8")


def _strings(data: bytes, under: Path) -> Iterator[tuple[Path, int, int]]:
    """The texts of JSON that is known to be valid, keys aside: field, start and end of the quoted text."""
    path: list[Any] = list(under)
    arrays: list[bool] = []  # of each open bracket: whether it is one of a list
    is_key = False
    for match in _TOKEN.finditer(data):
        token = match.group()
        if token[:1] == b'"':
            if is_key:
                path[-1] = json.loads(token)
            else:
                yield tuple(path), match.start(), match.end()
        elif token in b"[{":
            arrays.append(token == b"[")
            path.append(0 if arrays[-1] else "")
            is_key = not arrays[-1]
        elif token in b"]}":
            arrays.pop()
            path.pop()
            is_key = False
        elif token == b",":
            if arrays[-1]:
                path[-1] += 1
            is_key = not arrays[-1]
        else:
            is_key = False
