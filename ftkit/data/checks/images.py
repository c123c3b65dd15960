"""FT108, FT109: images by what stands in the row: their first bytes, their address. Nothing is fetched.

How large and how many they may be is the model's to say, see FT203.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Iterator
from urllib.parse import SplitResult, parse_qs, urlsplit

from ftkit.data.checks.report import Finding, Severity
from ftkit.data.checks.view import DataView

_EXAMPLES = 5
_LONGEST = 2_000  # characters of an address
_TYPES = ("png", "jpeg", "gif", "webp")
_DATA = re.compile(r"data:image/([A-Za-z0-9.+-]{1,40})((?:;[A-Za-z0-9=._-]{0,60}){0,4}),", re.ASCII)


def broken_images(data: DataView) -> Iterator[Finding]:
    """FT108: a data URL that is no image of the type that it gives."""
    rows = _rows(data, _fault_of)
    if rows:
        yield Finding.on(
            list(rows),
            "FT108",
            Severity.ERROR,
            "images are not what they say they are",
            detail=_told(rows),
            why="a provider leaves such an image or the whole row out, often without a word",
            mend="write data:image/TYPE;base64, with the type of the file and all of its bytes",
        )


def doubtful_images(data: DataView) -> Iterator[Finding]:
    """FT109: images whose address will not be there for the provider."""
    rows = _rows(data, _doubt_of)
    if rows:
        yield Finding.on(
            list(rows),
            "FT109",
            Severity.WARNING,
            "images may not reach the model",
            detail=_told(rows),
            why="providers leave out what they cannot fetch, later and often without a word",
            mend="take addresses that anyone can read for as long as the job may wait",
        )


def _rows(data: DataView, judge: Callable[[str], str]) -> dict[int, list[str]]:
    rows: dict[int, list[str]] = {}
    for row in data.rows:
        for turn in row.example.messages:
            for image in turn.images:
                said = judge(image.url)
                if said:
                    rows.setdefault(row.number, []).append(said)
    return rows


def _told(rows: dict[int, list[str]]) -> str:
    return "\n".join(
        f"row {number}: {'; '.join(said[:3])}" for number, said in list(rows.items())[:_EXAMPLES]
    )


def _fault_of(url: str) -> str:
    if not url.startswith("data:"):
        return ""
    head = _DATA.match(url)
    if head is None:
        return "the data URL is not written data:image/TYPE;base64,..."
    said = head.group(1).lower().replace("jpg", "jpeg")
    if "base64" not in head.group(2).lower().split(";"):
        return "the data URL is not in base64"
    if said not in _TYPES:
        return f"the type {said!r} is none of {', '.join(_TYPES)}"
    try:
        content = base64.b64decode(url[head.end() :], validate=True)
    except (binascii.Error, ValueError):
        return "its base64 is damaged or cut"
    found = _type(content)
    if found != said:
        return f"it says {said}, its first bytes are {found or 'of no image'}"
    if (
        found == "png"
        and b"IEND" not in content[-16:]
        or found == "jpeg"
        and b"\xff\xd9" not in content[-4096:]
    ):
        return f"the {found} has no end: it was cut"
    return ""


def _doubt_of(url: str) -> str:
    if url.startswith("data:"):
        return ""
    if len(url) > _LONGEST:
        return f"an address of {len(url):,} characters"
    if not url.isprintable() or " " in url:
        return "an address with spaces or control characters"
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port
    except ValueError:
        return "an address that is none"
    if parts.username or parts.password:
        return "an address with a password in it"
    if port not in (None, 443):
        return f"an address with port {port}"
    return _host(host) or _expiring(parts)


def _host(host: str) -> str:
    try:
        known = ipaddress.ip_address(host)
    except ValueError:
        private = "." not in host or host.endswith(
            (".local", ".internal", ".lan", ".localhost", ".test")
        )
        return f"an address inside a network ({host or 'no host'})" if private else ""
    return "" if known.is_global else f"an address inside a network ({host})"


def _expiring(parts: SplitResult) -> str:
    names = {name.lower() for name in parse_qs(parts.query, keep_blank_values=True)}
    signed = (
        names & {"x-amz-expires", "x-goog-expires"}
        or {"sig", "se"} <= names
        or {"signature", "expires"} <= names
    )
    return "a signed address, which expires" if signed else ""


def _type(content: bytes) -> str:
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if content.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    return "webp" if content[:4] == b"RIFF" and content[8:12] == b"WEBP" else ""
