"""The keys under which paid calls are found again.

Short, `[a-z0-9]` and at most 18 characters, so that they fit the tightest field of any provider; deterministic, so that
another machine, or this one after losing its ledger, finds the same job.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

_KEY = re.compile(r"(ftk[a-z2-7]{13})([1-9][0-9]?)")


def digest(parts: Mapping[str, Any]) -> str:
    """SHA-256 of plain values, in an order of its own."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def stem_of(fingerprint: str) -> str:
    """`ftk` + 13 base32 characters of a fingerprint: what all attempts at the same work share."""
    return f"ftk{base64.b32encode(bytes.fromhex(fingerprint))[:13].decode().lower()}"


def attempt_key(stem: str, attempt: int) -> str:
    """The key of one attempt, whose number is 1 to 99."""
    return f"{stem}{attempt}"


def parsed_key(key: str | None) -> tuple[str, int] | None:
    """(stem, attempt) of a key that ftkit made, else None."""
    match = _KEY.fullmatch(key or "")
    return (match[1], int(match[2])) if match else None
