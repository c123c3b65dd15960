"""Pairs of texts that are probably similar, among very many: MinHash signatures cut into bands (Broder, 1997; Leskovec,
Rajaraman and Ullman, Mining of Massive Datasets, chapter 3).

The signatures are datasketch's. Its tables of bands are not used: for 200,000 texts they take 2 GB, where sorting one band
after the other takes a few MB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from ftkit.data.likeness.ngrams import plain

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Positions: TypeAlias = NDArray[np.int64]
    Pairs: TypeAlias = tuple[Positions, Positions]
    Apart: TypeAlias = Callable[[Positions, Positions], NDArray[np.bool_]]

# Texts of similarity s share a band with a probability of 1 - (1 - s**WIDTH)**BANDS: .997 at .8, .12 at .5, .002 at .3
BANDS = 32
WIDTH = 8
AT_ONCE = 1 << 16  # pairs

_SEED = 1
_ERRORS = 5  # standard errors of a similarity that is read off two signatures
_PRIME = 0x100000001B3  # of the hash FNV-1a
_MIXER = 0xFF51AFD7ED558CCD  # of the hash MurmurHash3


class Signatures:
    """Of `texts`; `sizes` has the number of different shingles of each. Raises ImportError without datasketch."""

    def __init__(self, texts: Sequence[str], length: int = 5) -> None:
        import numpy as np
        from datasketch import MinHash

        self.sizes = np.zeros(len(texts), np.int64)
        self._values = np.empty((len(texts), BANDS * WIDTH), np.uint32)

        def hashed() -> Iterator[list[int]]:
            for at, text in enumerate(texts):
                hashes = _hashes(text, length)
                self.sizes[at] = len(hashes)
                yield (hashes >> np.uint64(32)).tolist()

        made = MinHash.generator(hashed(), num_perm=BANDS * WIDTH, seed=_SEED, hashfunc=int)
        for at, one in enumerate(made):
            self._values[at] = one.hashvalues

    def maybe(self, one: Positions, other: Positions, near: float) -> NDArray[np.bool_]:
        """For each pair, whether its similarity can be `near` or more: of such, one in a million is missed."""
        agreed = (self._values[one] == self._values[other]).mean(axis=1)
        error = (near * (1 - near) / (BANDS * WIDTH)) ** 0.5
        may: NDArray[np.bool_] = agreed >= near - _ERRORS * error
        return may

    def pairs(self, left: Positions, right: Positions, apart: Apart) -> Iterator[Pairs]:
        """Pairs of one of `left` and one of `right` that share a band, many at a time; the same pair may come again.

        `apart` says which pairs are still to be compared. It is asked again between two yields, so that of texts that
        turned out to hang together not all pairs come.
        """
        for band in range(BANDS):
            yield from _pairs(self._keys(band), left, right, apart)

    def _keys(self, band: int) -> NDArray[np.uint64]:
        import numpy as np

        keys = np.zeros(len(self._values), np.uint64)
        for column in range(band * WIDTH, (band + 1) * WIDTH):
            keys = (keys ^ self._values[:, column]) * np.uint64(_MIXER)
            keys ^= keys >> np.uint64(33)
        return keys


def _pairs(
    keys: NDArray[np.uint64], left: Positions, right: Positions, apart: Apart
) -> Iterator[Pairs]:
    """Of texts with equal keys: each with the first, and where that leaves some apart, all with all."""
    import numpy as np

    same = left is right
    left = left[np.argsort(keys[left], kind="stable")]
    right = right[np.argsort(keys[right], kind="stable")]
    found, begins, sizes = np.unique(keys[right], return_index=True, return_counts=True)
    starts = np.searchsorted(keys[left], found, "left")
    counts = np.searchsorted(keys[left], found, "right") - starts
    shared = counts > same  # alone in its group a text has no other
    begins, sizes, starts, counts = (part[shared] for part in (begins, sizes, starts, counts))
    open_ = np.zeros(len(counts), bool)
    for group, at, _ in _products(counts, np.ones_like(counts)):
        one, first = left[starts[group] + at], right[begins[group]]
        yield one, first
        open_[group[apart(one, first)]] = True
    begins, sizes, starts, counts = (part[open_] for part in (begins, sizes, starts, counts))
    for group, at, to in _products(counts, sizes):
        if same:
            once = at < to
            group, at, to = group[once], at[once], to[once]
        yield left[starts[group] + at], right[begins[group] + to]


def _products(counts: Positions, sizes: Positions) -> Iterator[tuple[Positions, ...]]:
    """Every (group, number below its count, number below its size), many at a time."""
    import numpy as np

    totals = counts * sizes
    ends = np.cumsum(totals)
    for low in range(0, int(ends[-1]) if len(ends) else 0, AT_ONCE):
        flat = np.arange(low, min(low + AT_ONCE, int(ends[-1])))
        group = np.searchsorted(ends, flat, "right")
        at, to = np.divmod(flat - (ends - totals)[group], sizes[group])
        yield group, at, to


def _hashes(text: str, length: int) -> NDArray[np.uint64]:
    """64 bits for each different shingle; none of a text that is shorter than one."""
    import numpy as np

    codes = np.frombuffer(plain(text).encode("utf-32-le", "surrogatepass"), np.uint32)
    rolled = np.zeros(max(0, len(codes) - length + 1), np.uint64)
    for offset in range(length):
        rolled = rolled * np.uint64(_PRIME) + codes[offset : offset + len(rolled)]
    rolled ^= rolled >> np.uint64(33)
    rolled *= np.uint64(_MIXER)
    rolled ^= rolled >> np.uint64(33)
    return np.unique(rolled)
