"""JSON Lines: one object a line. Only a line feed ends a line, so U+2028 and its kin may stand inside strings."""

from __future__ import annotations

import re

from ftkit.data.records import Reading, attempt
from ftkit.data.strict_json import parse_object
from ftkit.errors import DataError, Fault

_ARRAY = re.compile(rb"\s*\[")


def read_jsonl(body: bytes, start: int = 0) -> Reading:
    """Every row or its fault, in order; `start` is the byte where the text begins (after a byte order mark).

    Blank lines are skipped and not counted as rows. Raises DataError where the whole file is an array.
    """
    if _ARRAY.match(body, start) and body.rstrip().endswith(b"]"):
        reason = "the file is one JSON array, not an object a line; name it .json"
        raise DataError(reason, [Fault(reason, row=1, line=1, offset=start)])
    row = line = 0
    offset = start
    while offset < len(body):
        end = body.find(b"\n", offset)
        end = len(body) if end < 0 else end
        line += 1
        record = body[offset:end].rstrip(b" \t\r")
        if record:
            row += 1
            yield from attempt(parse_object, record, row, line, offset)
        offset = end + 1
