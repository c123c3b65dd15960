"""JSON Lines: one object a line. Only a line feed ends a line, so U+2028 and its kin may stand inside strings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ftkit.data.fast_json import parse_row
from ftkit.data.reading.records import ROW_LIMIT, Reading, Record, placed, too_long
from ftkit.data.reading.text import Text
from ftkit.data.strict_json import parse_value
from ftkit.errors import DataError, Fault

_BLANK = b" \t\r"
_MAC_ENDS = re.compile(rb"\}\r{1,2}\{")
_PRETTY = "; write each object on one line of its own"
_RETURNS = "; its rows end in lone carriage returns: save the file with line feeds (\\n)"
_ARRAY = re.compile(rb"\s*\[\s*(?:\{|\Z)")


def read_jsonl(text: Text) -> Reading:
    """Every row or its fault, in order. Blank lines are skipped and not counted as rows.

    Raises DataError where the whole file is an array.
    """
    row = line = 0
    offset = text.start
    # the fault of a first row that is a list: it is a bad row, or, if nothing follows, the whole file
    listed: Fault | None = None
    for raw, size in _lines(text):
        line += 1
        record = raw.rstrip(_BLANK)
        if record or size > ROW_LIMIT:
            row += 1
            if listed is not None:
                yield listed
                listed = None
            if row == 1 and _opens_array(raw, size):
                raise _array(text)
            if size > ROW_LIMIT:
                yield too_long(size, row, line, offset, _RETURNS if _MAC_ENDS.search(raw) else "")
            else:
                try:
                    values = parse_row(record)
                except DataError as error:
                    faults = list(placed(error, row, line, offset))
                    if record == b"{":  # laid out over several lines
                        faults[0] = replace(faults[0], reason=faults[0].reason + _PRETTY)
                    if row == 1 and _is_list(record):
                        listed = faults[0]
                    else:
                        yield from faults
                else:
                    yield Record(row, line, offset, record, values)
        offset += size + 1
    if listed is not None and text.damage is None:
        raise _array(text)
    if text.damage is not None:
        if listed is not None:
            yield listed
        yield Fault(f"{text.damage}; fetch or write it again", row + 1, line + 1, offset)


def _lines(text: Text) -> Iterator[tuple[bytes, int]]:
    """Each line with its size; of one above the limit only the beginning comes, so that it is never held.

    The unfinished line of a damaged file does not come.
    """
    held: list[bytes] = []
    size = 0
    for block in text.blocks():
        first, *lines = block.split(b"\n")
        size += len(first)
        if size <= ROW_LIMIT:
            held.append(first)
        else:
            held = held[:1]
        if not lines:
            continue
        yield b"".join(held), size
        last = lines.pop()
        for line in lines:
            yield line, len(line)
        held, size = [last], len(last)
    if size and not text.damage:
        yield b"".join(held), size


def _opens_array(raw: bytes, size: int) -> bool:
    """Whether the first row opens an array of objects that goes on in the next line, or without end."""
    return _ARRAY.match(raw) is not None and (size > ROW_LIMIT or not _is_list(raw))


def _is_list(raw: bytes) -> bool:
    if raw.lstrip()[:1] != b"[":
        return False
    try:
        return isinstance(parse_value(raw), list)
    except DataError:
        return False


def _array(text: Text) -> DataError:
    reason = "the file is one JSON array, not an object a line; name it .json"
    return DataError(reason, [Fault(reason, row=1, line=1, offset=text.start)])
