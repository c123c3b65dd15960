"""What makes two submissions the same work: everything that changes the result, and nothing else (not the name)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftkit.backend import Resolved
from ftkit.spending import digest


def fingerprint(
    scope: str, resolved: Resolved, wire_hashes: Mapping[str, str | None], record: Mapping[str, Any]
) -> str:
    """SHA-256 over scope, base content, method, settings, encoded rows and what is frozen with the model."""
    base = resolved.base
    continued = {} if base.continues is None else {"continues": base.continues_sha256}
    tier = {} if resolved.tier is None else {"tier": resolved.tier}
    return digest(
        {
            **continued,
            **tier,
            "scope": scope,
            "base": base.snapshot,
            "method": str(resolved.method),
            "hyperparameters": resolved.hyperparameters.given(),
            "wire": dict(wire_hashes),
            "system": record.get("system"),
        }
    )
