"""Files with one planted fault whose row, line and byte are known, legal oddities, and the judge of what a reader says.

Imports nothing from the product: places are counted here by putting the bytes together.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.faults.malformed_rows import BAD, LEGAL, OPEN, good

ROWS = 5
WHERE = {"first": 1, "middle": 3, "last": 5}


@dataclass(frozen=True, slots=True)
class Place:
    """What must be said: 1-based row and line, byte offset in the uncompressed text, words as a regular expression."""

    row: int | None
    line: int | None
    offset: int | None
    words: str


@dataclass(frozen=True, slots=True)
class Planted:
    """A file; `fault` is None where it is legal and has `rows` rows."""

    name: str
    file: str
    body: bytes
    fault: Place | None
    rows: int = ROWS


@dataclass(frozen=True, slots=True)
class Said:
    """What a reader made of a file: the number of rows, or faults as (row, line, offset, reason)."""

    rows: int | None
    faults: Sequence[tuple[int | None, int | None, int | None, str]] = ()
    traceback: str = ""


def complaints(planted: Planted, said: Said) -> list[str]:
    """What is wrong with the reader's answer; nothing where it is right."""
    if said.traceback:
        return [f"{planted.name}: it crashed: {said.traceback}"]
    if planted.fault is None:
        right = said.rows == planted.rows and not said.faults
        return [] if right else [f"{planted.name}: {said.rows} rows, {list(said.faults)[:3]}"]
    if said.rows is not None:
        return [f"{planted.name}: loaded"]
    if len(said.faults) != 1:
        return [f"{planted.name}: {len(said.faults)} faults: {list(said.faults)[:3]}"]
    row, line, offset, reason = said.faults[0]
    expected = planted.fault
    found = []
    if (row, line, offset) != (expected.row, expected.line, expected.offset):
        found.append(f"{planted.name}: {(row, line, offset)}, it is {expected}")
    if not re.search(expected.words, reason):
        found.append(f"{planted.name}: said {reason!r}, not {expected.words!r}")
    return found


def json_lines() -> Iterator[Planted]:
    """Every bad row as the first, the middle and the last one of JSON Lines."""
    bad = {**BAD, "lone carriage return": (good(8) + b"\r" + good(9), _lone_return(good(8)))}
    for name, (row, words) in bad.items():
        for where, number in WHERE.items():
            if name == "byte order mark in the middle of the file" and number == 1:
                continue  # there it is legal
            rows = [good(n) for n in range(1, ROWS + 1)]
            rows[number - 1] = row
            # a blank line before, so that rows and lines are not the same numbers
            body = b"\n" + b"\n".join(rows) + b"\n"
            offset = 1 + sum(len(one) + 1 for one in rows[: number - 1])
            place = Place(number, number + 1, offset, words)
            yield Planted(f"{name}, {where}", "rows.jsonl", body, place)


def arrays() -> Iterator[Planted]:
    """Every bad row as an element of an array, one a line."""
    head, separator, tail = b"[\n", b",\n", b"\n]\n"
    for name, (row, words) in BAD.items():
        if name in OPEN or name == "two rows in a line":
            continue
        for where, number in WHERE.items():
            rows = [good(n) for n in range(1, ROWS + 1)]
            rows[number - 1] = row
            offset = len(head) + sum(len(one) + len(separator) for one in rows[: number - 1])
            place = Place(number, number + 1, offset, words)
            if (
                name == "comma after the row"
            ):  # in an array the row is good, and none comes after the comma
                last = number == ROWS
                place = Place(
                    number + 1, number + 1 + last, offset + len(row) + last, "a comma too many"
                )
            body = head + separator.join(rows) + tail
            yield Planted(f"{name}, {where}", "rows.json", body, place)


def tables() -> Iterator[Planted]:
    """Bad rows of a table with a header."""
    bad: dict[str, tuple[bytes, str]] = {
        "cells missing": (b"a", "1 cells, but the header has 2 columns"),
        "cells too many": (b"a,b,c", "3 cells, but the header has 2 columns"),
        "Latin-1": (b"a,\xfc", "invalid UTF-8; save the file as UTF-8"),
        "NUL byte": (b"a,b\0", "NUL character"),
        "text behind a quote": (b'a,"b"c', "invalid quoting"),
        "lone carriage return": (
            b"a,b\rc,d",
            "a lone carriage return, where a line feed should end",
        ),
    }
    for name, (row, words) in bad.items():
        for where, number in WHERE.items():
            rows = [f'"p,{n}\n""ü""",c{n}'.encode() for n in range(1, ROWS + 1)]
            rows[number - 1] = row
            head = b"prompt,completion\r\n"
            body = head + b"\r\n".join(rows) + b"\r\n"
            offset = len(head) + sum(len(one) + 2 for one in rows[: number - 1])
            place = Place(number, 2 * number, offset, words)
            yield Planted(f"{name}, {where}", "rows.csv", body, place)


def whole_files() -> Iterator[Planted]:
    """Faults of the file, not of a row."""
    text = b"".join(good(n) + b"\n" for n in range(1, ROWS + 1))
    plain = text.decode()
    for encoding, mark in (
        ("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff"), ("utf-16-le", b""), ("utf-16-be", b""),
        ("utf-32-le", b"\xff\xfe\0\0"), ("utf-32-be", b"\0\0\xfe\xff"),
    ):  # fmt: skip
        what = "UTF-16" if "16" in encoding else "UTF-32"
        place = Place(1, 1, 0, f"the file is {what}.*save it as UTF-8")
        name = f"{encoding} {'with' if mark else 'without'} a byte order mark"
        yield Planted(name, "rows.jsonl", mark + plain.encode(encoding), place)
    array = Place(1, 1, 0, "the file is one JSON array, not an object a line; name it .json")
    yield Planted(
        "an array in one line", "rows.jsonl", b"[" + good(1) + b"," + good(2) + b"]", array
    )
    yield Planted(
        "an array of many lines",
        "rows.jsonl",
        b"[\n" + good(1) + b",\n" + good(2) + b"\n]\n",
        array,
    )
    yield Planted(
        "an array that begins with a row",
        "rows.jsonl",
        b"[" + good(1) + b",\n" + good(2) + b"]",
        array,
    )
    lines = Place(1, 1, 0, "name it .jsonl")
    yield Planted("JSON Lines named .json", "rows.json", text, lines)
    for beginning, words in (
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n", "git lfs pull"),
        (b"<!DOCTYPE html>\n<html><body>Not found</body></html>\n", "the file is a web page"),
        (b"%PDF-1.7\n%\xe2\xe3\n", "the file is a PDF"),
        (b"PK\x03\x04\x14\0\6\0", "the file is a ZIP archive, as .xlsx"),
        (b"PAR1\x15\x04", "a Parquet table; name it .parquet"),
    ):
        for file in ("rows.jsonl", "rows.json", "rows.csv"):
            yield Planted(words, file, beginning, Place(1, 1, 0, words))
            packed = gzip.compress(beginning)
            yield Planted(f"{words}, packed", f"{file}.gz", packed, Place(1, 1, 0, words))
    returns = Place(1, 1, 0, _lone_return(good(1)))
    yield Planted("carriage returns only", "rows.jsonl", text.replace(b"\n", b"\r"), returns)


def cut_gzip() -> Planted:
    """gzip without compression, cut inside the third row: what can be read is known to the byte."""
    text = b"".join(good(n) + b"\n" for n in range(1, ROWS + 1))
    whole = gzip.compress(text, compresslevel=0)
    body = whole[: whole.index(good(3)) + 20]
    begun = len(good(1)) + len(good(2)) + 2
    place = Place(3, 3, begun, "gzip file is cut or damaged.*fetch or write it again")
    return Planted("cut gzip", "rows.jsonl.gz", body, place)


def legal_files() -> Iterator[Planted]:
    """What looks odd and must load."""
    rows = [good(n) for n in range(1, ROWS + 1)]
    text = b"\n".join(rows) + b"\n"
    yield Planted("byte order mark", "rows.jsonl", b"\xef\xbb\xbf" + text, None)
    yield Planted("CRLF", "rows.jsonl", text.replace(b"\n", b"\r\n"), None)
    yield Planted("no last line feed", "rows.jsonl", text[:-1], None)
    yield Planted("blank lines", "rows.jsonl", b"\n \t\r\n" + text.replace(b"\n", b"\n\n"), None)
    yield Planted(
        "many members", "rows.jsonl.gz", b"".join(gzip.compress(r + b"\n") for r in rows), None
    )
    yield Planted("members that part rows", "rows.jsonl.gz", b"".join(
        gzip.compress(text[at : at + 7]) for at in range(0, len(text), 7)), None)  # fmt: skip
    yield Planted("an empty member and zeros", "rows.jsonl.gz",
        gzip.compress(text) + gzip.compress(b"") + bytes(512), None)  # fmt: skip
    yield Planted("an array", "rows.json", b"\xef\xbb\xbf [" + b",\r\n ".join(rows) + b"]\n", None)
    for name, row in LEGAL.items():
        for where, number in WHERE.items():
            mixed = [*rows]
            mixed[number - 1] = row
            yield Planted(f"{name}, {where}", "rows.jsonl", b"\n".join(mixed), None)
            yield Planted(f"{name}, {where}", "rows.json", b"[" + b",".join(mixed) + b"]", None)


def bomb(size: int) -> tuple[bytes, Place]:
    """A gzip file of a thousandth of `size` bytes: two rows, then so many NULs without a line feed."""
    part = 1 << 26
    rows = good(1) + b"\n" + good(2) + b"\n"
    nul = gzip.compress(bytes(part)) * (size // part)
    return gzip.compress(rows) + nul, Place(3, 3, len(rows), "bytes; one above 64 MB is not read")


def _lone_return(row: bytes) -> str:
    return f"a lone carriage return at byte {len(row) + 1} of the row.*line feed"
