"""What makes two submissions the same work, and the key by which a job is found again.

The fingerprint covers everything that changes the result and nothing else (not the name). The key is short, `[a-z0-9]`
and at most 18 characters, so that it fits the tightest field of any provider; it is deterministic, so that another
machine, or this one after losing its ledger, finds the same job.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ftkit.backend import Resolved


def fingerprint(
    scope: str, resolved: Resolved, wire_hashes: Mapping[str, str | None], record: Mapping[str, Any]
) -> str:
    """SHA-256 over scope, base content, method, settings, encoded rows and what is frozen with the model."""
    parts = {
        "scope": scope,
        "base": resolved.base.snapshot,
        "method": str(resolved.method),
        "hyperparameters": resolved.hyperparameters.given(),
        "wire": dict(wire_hashes),
        "system": record.get("system"),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def job_key(fingerprint: str, attempt: int) -> str:
    """`ftk` + 13 base32 characters of the fingerprint + the attempt's number (1 to 99)."""
    head = base64.b32encode(bytes.fromhex(fingerprint))[:13].decode().lower()
    return f"ftk{head}{attempt}"
