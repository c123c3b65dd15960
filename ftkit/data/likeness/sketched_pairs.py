"""Which of very many texts are similar: pairs that a sketch names, each compared exactly before it is given out.

All that is done is counted, so that texts made from one template end in TooAlike after minutes, not in hours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from ftkit.data.likeness.exact_pairs import COMPARED, FEWEST, TooAlike
from ftkit.data.likeness.minhash import Signatures
from ftkit.data.likeness.ngrams import shingles

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ftkit.data.likeness.minhash import Apart, Positions

# Work is counted in characters of texts that are compared; some 10 million take a second.
_MOST_WORK = 1_500_000_000
_SKETCH = 10  # two signatures compared
_KEPT = 2_000  # sets of shingles
_REMEMBERED = 1_000_000  # pairs that turned out not to be similar


def links(texts: Sequence[str | None], share: Fraction) -> Iterator[tuple[int, int]]:
    """Pairs that connect nearly all texts that are similar as `share` or more. Raises TooAlike."""
    import numpy as np

    parent = np.arange(len(texts))

    def root(of: Positions) -> Positions:
        above = parent[of]
        while ((higher := parent[above]) != above).any():
            above = higher
        parent[of] = above
        return above

    def apart(one: Positions, other: Positions) -> NDArray[np.bool_]:
        different: NDArray[np.bool_] = root(one) != root(other)
        return different

    sketch = _Sketch(texts, share)
    everything = sketch.positions(0, len(texts))
    for one, other in sketch.similar(everything, everything, apart):
        top, known = root(np.array([one, other]))
        parent[top] = known
        yield min(one, other), max(one, other)


def matches(
    texts: Sequence[str | None], known: Sequence[str | None], share: Fraction
) -> dict[int, int]:
    """Position in `texts` -> one in `known` that is similar. Raises TooAlike."""
    import numpy as np

    missing = np.ones(len(texts), bool)

    def apart(one: Positions, _: Positions) -> NDArray[np.bool_]:
        return missing[one]

    sketch = _Sketch([*texts, *known], share)
    ours = sketch.positions(0, len(texts))
    theirs = sketch.positions(len(texts), len(texts) + len(known))
    found = {}
    for one, other in sketch.similar(ours, theirs, apart):
        missing[one] = False
        found[one] = other - len(texts)
    return found


class _Sketch:
    def __init__(self, texts: Sequence[str | None], share: Fraction) -> None:
        self._texts = [(text or "")[:COMPARED] for text in texts]
        self._share = share
        self._signatures = Signatures(self._texts)
        self._work = 0

    def positions(self, low: int, high: int) -> Positions:
        """Those of the texts that are long enough to be compared."""
        import numpy as np

        return np.flatnonzero(self._signatures.sizes[low:high] >= FEWEST) + low

    def similar(self, left: Positions, right: Positions, apart: Apart) -> Iterator[tuple[int, int]]:
        """Pairs of similar texts that are apart at that moment."""
        parts = lru_cache(_KEPT)(lambda at: shingles(self._texts[at]))
        other_than: set[tuple[int, int]] = set()
        near = float(self._share)
        for one, other in self._signatures.pairs(left, right, apart):
            self._count(len(one))
            wanted = apart(one, other)
            one, other = one[wanted], other[wanted]
            self._count(len(one) * _SKETCH)
            maybe = self._signatures.maybe(one, other, near)
            one, other = one[maybe], other[maybe]
            for at in range(len(one)):
                if not apart(one[at : at + 1], other[at : at + 1])[0]:
                    continue
                pair = int(one[at]), int(other[at])
                if pair in other_than:
                    continue
                self._count(sum(len(self._texts[which]) for which in pair))
                if self._alike(parts(pair[0]), parts(pair[1])):
                    yield pair
                elif len(other_than) < _REMEMBERED:
                    other_than.add(pair)

    def _alike(self, one: frozenset[str], other: frozenset[str]) -> bool:
        common = len(one & other)
        union = len(one) + len(other) - common
        return common * self._share.denominator >= self._share.numerator * union

    def _count(self, more: int) -> None:
        self._work += more
        if self._work > _MOST_WORK:
            raise TooAlike
