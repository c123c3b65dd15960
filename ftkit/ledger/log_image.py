"""A ledger's pages as its files last had them, log included, read without SQLite.

SQLite stops at the first record of a log that does not fit its checksum and forgets all that follows. Here the records
after it count as well; whatever is wrong in a page is found by the seals of its rows. The head of the file is made
readable, so that one turned bit in it does not hide the rest.
Source of the formats: https://sqlite.org/fileformat2.html, sections 1.3 and 4.
"""

from __future__ import annotations

PAGE_SIZE = 4096
_LOG_HEAD = 32  # bytes
_RECORD_HEAD = 24


def image(main: bytes, log: bytes) -> bytes:
    """The content of a database file that needs no log; both may be damaged or empty."""
    pages = {at // PAGE_SIZE: main[at : at + PAGE_SIZE] for at in range(0, len(main), PAGE_SIZE)}
    records = _records(log)
    limit = len(pages) + len(records)
    for number, content in records:
        if 0 < number <= limit:
            pages[number - 1] = content
    size = max(pages, default=-1) + 1
    empty = bytes(PAGE_SIZE)
    content = b"".join(pages.get(number, empty).ljust(PAGE_SIZE, b"\0") for number in range(size))
    return _with_head(bytearray(content)) if content else b""


def _records(log: bytes) -> list[tuple[int, bytes]]:
    """Page number and content of each record up to the last commit, oldest first."""
    size = _RECORD_HEAD + PAGE_SIZE
    whole = [log[at : at + size] for at in range(_LOG_HEAD, len(log) - size + 1, size)]
    # records of an earlier round of the log lie behind those of this one and bear another salt
    salt = log[16:24]
    if whole and not any(record[8:16] == salt for record in whole):
        salt = whole[0][8:16]
    fitting = [record for record in whole if record[8:16] == salt]
    while fitting and fitting[-1][4:8] == b"\0\0\0\0":
        fitting.pop()  # pages of a transaction that was never committed
    return [(int.from_bytes(record[:4], "big"), record[_RECORD_HEAD:]) for record in fitting]


def _with_head(content: bytearray) -> bytes:
    content[0:16] = b"SQLite format 3\0"
    content[16:18] = PAGE_SIZE.to_bytes(2, "big")
    content[18:24] = bytes([1, 1, 0, 64, 32, 32])  # no log; no reserved bytes; fixed fractions
    content[28:32] = (len(content) // PAGE_SIZE).to_bytes(4, "big")
    content[44:48] = (4).to_bytes(4, "big")  # schema format
    content[52:56] = bytes(4)  # no auto-vacuum
    content[56:60] = (1).to_bytes(4, "big")  # UTF-8
    content[92:96] = content[24:28]  # the size above holds for the present state
    return bytes(content)
