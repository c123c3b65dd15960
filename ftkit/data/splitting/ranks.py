"""The place of a row or component in the order of a seed: a hash of its content and nothing else."""

from __future__ import annotations

import hashlib
from fractions import Fraction


def rank(seed: int, content: bytes) -> bytes:
    """SHA-256 of the seed and a content hash; of a component the smallest content hash counts."""
    return hashlib.sha256(f"{seed}:{content.hex()}".encode()).digest()


def below(place: bytes, share: Fraction) -> bool:
    """Whether this is one of the lowest `share` of all places that there can be."""
    return int.from_bytes(place) * share.denominator < share.numerator << 256
