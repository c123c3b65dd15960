"""Two hundred secrets that must turn up nowhere, each planted in one place and found in any coding.

They have the published shapes of real keys and are nobody's. They are put together from parts, so
that no scanner of secrets takes this file for a leak, and drawn from hashes of their own names, so
that they are the same in every run.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote, quote_plus

PLACES = (
    "environment",
    "config_file",
    "request_header",
    "url_query",
    "base_url_userinfo",
    "error_body",
    "provider_event",
    "dataset_row",
)
"""Where a canary is planted; 25 each. An error body and an event are what a server sends back."""

_ALNUM = string.ascii_letters + string.digits
_URLSAFE = _ALNUM + "-_"
_HEX = "0123456789abcdef"
_BASE32 = string.ascii_uppercase + "234567"


@dataclass(frozen=True, slots=True)
class Canary:
    """`secret` is the text to plant; `name` is unique and says place, kind and number.

    All but PEM blocks are one printable ASCII line. In a URL it must be quoted by who plants it.
    """

    name: str
    secret: str
    place: str
    kind: str


def _drawn(name: str, alphabet: str, length: int) -> str:
    """Characters that depend on the name alone."""
    digest = hashlib.shake_256(name.encode()).digest(length * 2)
    pairs = zip(digest[::2], digest[1::2], strict=True)
    return "".join(alphabet[(high << 8 | low) % len(alphabet)] for high, low in pairs)


def _openai(kind: str) -> Callable[[str], str]:
    marker = "T3Blbk" + "FJ"  # stands in the middle of every key of this provider
    return lambda name: (
        "sk-" + kind + _drawn(name, _URLSAFE, 74) + marker + _drawn(name + "b", _URLSAFE, 74)
    )


def _prefixed(parts: tuple[str, ...], alphabet: str, length: int) -> Callable[[str], str]:
    return lambda name: "".join(parts) + _drawn(name, alphabet, length)


def _base64_text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _jwt(name: str) -> str:
    head = _base64_text(b'{"alg":"HS256","typ":"JWT"}')
    claims = _base64_text(json.dumps({"sub": _drawn(name, _ALNUM, 20)}).encode())
    return f"{head}.{claims}.{_drawn(name, _URLSAFE, 43)}"


def _pem(name: str) -> str:
    label = "PRIVATE" + " KEY"
    text = _drawn(name, _ALNUM + "+/", 64 * 4)
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----"])


KINDS: dict[str, Callable[[str], str]] = {
    "openai_project": _openai("proj" + "-"),
    "openai_service": _openai("svcacct" + "-"),
    "openai_legacy": lambda name: (
        "sk-" + _drawn(name, _ALNUM, 20) + "T3Blbk" + "FJ" + _drawn(name + "b", _ALNUM, 20)
    ),
    "azure_32": _prefixed((), _HEX, 32),
    "azure_84": lambda name: (
        _drawn(name, _ALNUM, 52) + "JQQJ" + "99" + _drawn(name + "b", _ALNUM, 26)
    ),
    "google": _prefixed(("AI", "za"), _URLSAFE, 35),
    "aws_access_key_id": _prefixed(("AK", "IA"), _BASE32, 16),
    "aws_secret": lambda name: _drawn(name, _ALNUM, 36) + "/+" + _drawn(name + "b", _ALNUM, 2),
    "together": _prefixed(("tgp", "_v1_"), _URLSAFE, 43),
    "fireworks": _prefixed(("fw", "_"), _ALNUM, 24),
    "replicate": _prefixed(("r8", "_"), _ALNUM, 37),
    "modal_id": _prefixed(("ak", "-"), _ALNUM, 22),
    "modal_secret": _prefixed(("as", "-"), _ALNUM, 22),
    "anthropic": lambda name: "sk-" + "ant-" + "api03-" + _drawn(name, _URLSAFE, 93) + "AA",
    "hugging_face": _prefixed(("hf", "_"), string.ascii_letters, 34),
    "github_classic": _prefixed(("gh", "p_"), _ALNUM, 36),
    "github_fine": lambda name: (
        "github" + "_pat_" + _drawn(name, _ALNUM, 22) + "_" + _drawn(name + "b", _ALNUM, 59)
    ),
    "bearer": _prefixed((), _URLSAFE, 48),
    "jwt": _jwt,
    "basic_password": lambda name: _drawn(name, _ALNUM, 18) + "!$&",
    "pem": _pem,
}
"""Each kind's shape; a function of a canary's name."""

_ONE_LINE = ("request_header", "url_query", "base_url_userinfo")  # where no PEM block fits
_EACH = 25


def _all() -> Iterator[Canary]:
    for shift, place in enumerate(PLACES):
        kinds = [kind for kind in KINDS if kind != "pem" or place not in _ONE_LINE]
        for number in range(_EACH):
            # shifted, so that what comes twice in a place is another kind in each
            kind = kinds[(number + 3 * shift) % len(kinds)]
            name = f"{place}-{kind}-{number}"
            yield Canary(name, KINDS[kind](name), place, kind)


CANARIES: tuple[Canary, ...] = tuple(_all())


def find_canaries(blob: bytes) -> list[Canary]:
    """The canaries that stand in the blob, plain or coded, in the order of CANARIES.

    Found: UTF-8, base64 of both alphabets at any alignment (`Basic` and data URLs with text around
    the secret), URL-quoted, JSON-escaped once or twice, Python's repr, HTML; of a PEM block any one line.
    Not found: a secret cut short, broken by line ends or masks, compressed or in UTF-16.
    """
    return [canary for canary in CANARIES if any(part in blob for part in _needles(canary))]


@cache
def _needles(canary: Canary) -> tuple[bytes, ...]:
    texts = [canary.secret]
    if canary.kind == "pem":
        texts += canary.secret.splitlines()[1:-1]
    return tuple({needle for text in texts for needle in _codings(text)})


def _codings(text: str) -> Iterator[bytes]:
    yield text.encode()
    for safe in ("", "/"):
        for quoted in (quote(text, safe=safe), quote_plus(text, safe=safe)):
            yield quoted.encode()
            yield _lower_escapes(quoted).encode()
    for ascii_only in (True, False):
        once = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield once.encode()
        yield once.replace("/", "\\/").encode()  # as PHP and some Java servers write it
        yield json.dumps(once, ensure_ascii=ascii_only)[1:-1].encode()
    yield repr(text)[1:-1].encode()
    yield html.escape(text).encode()
    for shift in range(3):
        yield from _base64_inside(text.encode(), shift)


def _lower_escapes(quoted: str) -> str:
    """`%2F` as `%2f`."""
    head, *escapes = quoted.split("%")
    return "%".join([head, *(part[:2].lower() + part[2:] for part in escapes)])


def _base64_inside(raw: bytes, shift: int) -> Iterator[bytes]:
    """The characters that `raw` alone decides when `shift` bytes (mod 3) stand before it."""
    first = -(-shift * 8 // 6)
    last = (shift + len(raw)) * 8 // 6
    padded = bytes(shift) + raw
    yield base64.b64encode(padded)[first:last]
    yield base64.urlsafe_b64encode(padded)[first:last]
