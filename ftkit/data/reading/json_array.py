"""A JSON file that is one array of objects. Elements are cut out by their brackets first, then parsed one by one, so
that one bad row does not hide the rows after it, and so that only one is in memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ftkit.data.fast_json import parse_row
from ftkit.data.reading.records import ROW_LIMIT, Reading, Record, placed, too_long
from ftkit.data.reading.text import Text
from ftkit.errors import DataError, Fault

_SPACE = b" \t\r\n"
# a string (group 1: its end, where it is in this block), or one structural byte: enough to follow brackets
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(")?|[\[\]{},]', re.DOTALL)
_STRING_GOES_ON = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+(")?', re.DOTALL)
_OPEN, _CLOSE, _BRACE, _COMMA = b"[{", b"]}", ord("}"), ord(",")


def read_json_array(text: Text) -> Reading:
    """Every row or its fault, in order.

    Raises DataError where the file is no array. A file that ends too early yields a fault for what is missing.
    """
    for row, part in enumerate(_Elements(text), start=1):
        if part.complaint:
            yield Fault(part.complaint, row=row, line=part.line, offset=part.offset)
        elif part.size > len(part.data):
            yield too_long(part.size, row, part.line, part.offset)
        else:
            try:
                values = parse_row(part.data)
            except DataError as error:
                yield from placed(error, row, part.line, part.offset)
            else:
                yield Record(row, part.line, part.offset, part.data, values)


@dataclass(frozen=True, slots=True)
class _Element:
    """What stands between two commas; of an element above the limit `data` is empty."""

    data: bytes
    size: int
    line: int
    offset: int
    complaint: str = ""


class _Elements:
    """Cuts the text at the commas of its outermost array. Holds at most ROW_LIMIT bytes of it."""

    def __init__(self, text: Text) -> None:
        self._text = text
        self._pieces: list[
            bytes
        ] = []  # of the element that is being read, without the space before it
        self._size = 0
        self._line, self._offset = 1, text.start  # of its first byte
        self._lines = 0  # line feeds in it

    def __iter__(self) -> Iterator[_Element]:
        depth = -1  # 0 inside the array
        in_string = escaped = any_before = closed = False
        for block in self._text.blocks():
            begin = at = 0
            if depth < 0:
                at = begin = self._opening(block)
                if begin < 0:
                    continue
                depth = 0
            if closed:
                self._add(block)
                continue
            if in_string:
                match = _STRING_GOES_ON.match(block, int(escaped))
                assert match is not None  # it matches nothing, too
                at = match.end()
                in_string = match.lastindex is None
                escaped = in_string and at < len(block)
                if in_string:
                    self._add(block)
                    continue
            for match in _TOKEN.finditer(block, at):
                byte = block[match.start()]
                if byte == 0x22:
                    in_string = match.lastindex is None
                    escaped = in_string and match.end() < len(block)
                    if in_string:
                        break
                elif byte in _OPEN:
                    depth += 1
                elif depth and byte in _CLOSE:
                    depth -= 1
                elif not depth:
                    self._add(block[begin : match.start()])
                    if self._size:
                        yield self._cut()
                    elif byte == _COMMA or any_before:
                        yield self._cut("there is no row here: a comma too many")
                    if byte == _BRACE:
                        yield self._cut("invalid JSON: a closing brace too many")
                        return
                    any_before, begin = True, match.end()
                    self._offset += 1
                    if byte != _COMMA:
                        closed = True
                        break
            self._add(block[begin:])
        if self._text.damage is not None:
            yield self._cut(f"{self._text.damage}; fetch or write it again")
        elif depth < 0:
            raise self._no_array(b"")
        elif not closed:
            yield self._cut("invalid JSON: the file ends inside this row or before the closing ]")
        elif self._size:
            yield self._cut("invalid JSON: there is text after the end of the array")

    def _opening(self, block: bytes) -> int:
        """The place behind the opening bracket; -1 where there is only space yet."""
        blank = len(block) - len(block.lstrip(_SPACE))
        self._line += block.count(b"\n", 0, blank)
        self._offset += blank
        if blank == len(block):
            return -1
        if block[blank] != ord("["):
            raise self._no_array(block[blank : blank + 1])
        self._offset += 1
        return blank + 1

    def _add(self, piece: bytes) -> None:
        if not self._size:
            found = piece.lstrip(_SPACE)
            blank = len(piece) - len(found)
            self._line += piece.count(b"\n", 0, blank)
            self._offset += blank
            piece = found
        self._size += len(piece)
        self._lines += piece.count(b"\n")
        if self._size <= ROW_LIMIT:
            self._pieces.append(piece)
        else:
            self._pieces.clear()

    def _cut(self, complaint: str = "") -> _Element:
        """The element that ends here; what follows is the next one."""
        whole = b"".join(self._pieces).rstrip(_SPACE)
        size = len(whole) if self._pieces else self._size
        element = _Element(whole, size, self._line, self._offset, complaint)
        self._offset += self._size
        self._line += self._lines
        self._pieces.clear()
        self._size = self._lines = 0
        return element

    def _no_array(self, first: bytes) -> DataError:
        hint = ""
        if first == b"{":
            hint = "; if it has one object a line, name it .jsonl, else put the objects in [ ]"
        reason = f"a .json file must hold an array of objects{hint}"
        return DataError(reason, [Fault(reason, row=1, line=self._line, offset=self._offset)])
