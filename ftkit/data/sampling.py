"""Which rows a sample takes: by a hash of the seed and what each row teaches, so the order of rows does not matter."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ftkit.data.example import digest_of
from ftkit.errors import ConfigError

if TYPE_CHECKING:
    from ftkit.data.dataset import Dataset


def sampled(data: Dataset, n: float, seed: int) -> list[int]:
    """0-based positions in order. Raises ConfigError for a number of rows that cannot be taken."""
    wanted = _wanted(len(data), n, data.source)

    def rank(position: int) -> tuple[bytes, bytes]:
        content = digest_of(data[position])
        # rows may teach the same and differ in their further columns
        return _hash(f"sample:{seed}:{content}"), data.store.digest(data.picks[position])

    return sorted(sorted(range(len(data)), key=rank)[:wanted])


def _wanted(rows: int, n: float, source: str) -> int:
    if isinstance(n, bool) or not isinstance(n, int | float):
        raise ConfigError(f"n= is a number of rows or a share such as 0.1, not {n!r}")
    if isinstance(n, float):
        if not 0 < n <= 1:
            raise ConfigError(f"n={n!r}: a share lies between 0 and 1; pass an int for rows")
        return min(rows, max(1, round(rows * n)))
    if not 0 < n <= rows:
        raise ConfigError(f"n={n}: {source} has {rows:,} rows, each of which is taken once at most")
    return n


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
