"""Files that are no text at all, or no data, told by how they begin: most often a download that went wrong."""

from __future__ import annotations

import re

_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (
        b"version https://git-lfs.github.com/spec/",
        "a Git LFS pointer and not the data; fetch it with `git lfs pull`",
    ),
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive, as .xlsx and .docx are; unpack it, or save the sheet as CSV"),
    (b"PAR1", "a Parquet table; name it .parquet"),
    (b"ARROW1", "an Arrow table; name it .arrow"),
    (b"SQLite format 3\0", "an SQLite database; write the table out as CSV or JSON lines"),
    (b"\x89PNG", "a picture"),
    (b"\x80\x04\x95", "a Python pickle, which is never opened: it could run anything"),
)
_PAGE = re.compile(rb"\s*<(?:!doctype|html|\?xml)\b", re.IGNORECASE)


def stranger(head: bytes) -> str | None:
    """What the file is and what to do; None where it may be rows."""
    for beginning, what in _BEGINNINGS:
        if head.startswith(beginning):
            return what
    if _PAGE.match(head):
        return "a web page or XML; perhaps an error page was saved in place of the data"
    return None
