"""Which texts are similar: Jaccard similarity of 5-character shingles, exact, without comparing all pairs.

Texts that are this similar share a shingle among their rarest few and have nearly as many (prefix and length filter: Bayardo,
Ma and Srikant, WWW 2007); only such pairs are counted out, so nothing is missed.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import ceil

from ftkit.data.likeness.ngrams import shingles

COMPARED = 20_000  # characters of a text
FEWEST = 20  # shingles; in shorter texts a change of one character is a change of the question
_MOST_PAIRS = 6_000_000  # looked at; rows made from one template share their rarest shingles too


class TooAlike(Exception):
    """The texts share so much that far too many pairs would have to be compared."""


def links(texts: Sequence[str | None], share: Fraction) -> Iterator[tuple[int, int]]:
    """Pairs that connect all texts that are similar as `share` or more. Raises TooAlike."""
    coded = _coded(texts)
    parent = list(range(len(texts)))
    postings: defaultdict[int, list[int]] = defaultdict(list)
    looked = 0
    for row in sorted(range(len(texts)), key=lambda row: len(coded[row])):
        parts = coded[row]
        prefix, fewest, own = _prefix(parts, share), ceil(share * len(parts)), set(parts)
        seen: set[int] = set()
        for part in prefix:
            looked = _counted(looked, len(postings[part]))
            for other in postings[part]:
                if other in seen or len(coded[other]) < fewest:
                    continue
                seen.add(other)
                top, known = _root(parent, row), _root(parent, other)
                if top != known and _similar(own, coded[other], share):
                    parent[top] = known
                    yield (other, row)
        for part in prefix:
            postings[part].append(row)


def matches(
    texts: Sequence[str | None], known: Sequence[str | None], share: Fraction
) -> dict[int, int]:
    """Position in `texts` -> the first in `known` that is similar. Raises TooAlike."""
    both = _coded([*texts, *known])
    coded, others = both[: len(texts)], both[len(texts) :]
    postings: defaultdict[int, list[int]] = defaultdict(list)
    for index, parts in enumerate(others):
        for part in _prefix(parts, share):
            postings[part].append(index)
    found = {}
    looked = 0
    for index, parts in enumerate(coded):
        fewest, own = ceil(share * len(parts)), set(parts)
        looked = _counted(
            looked, sum(len(postings.get(part, ())) for part in _prefix(parts, share))
        )
        candidates = {
            other
            for part in _prefix(parts, share)
            for other in postings.get(part, ())
            if len(others[other]) >= fewest and share * len(others[other]) <= len(parts)
        }
        match = (other for other in sorted(candidates) if _similar(own, others[other], share))
        first = next(match, None)
        if first is not None:
            found[index] = first
    return found


def _counted(looked: int, more: int) -> int:
    if looked + more > _MOST_PAIRS:
        raise TooAlike
    return looked + more


def _coded(texts: Sequence[str | None]) -> list[array[int]]:
    """The shingles of each text as numbers in order; rare ones have small numbers, so that few texts share the first."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(_parts(text))
    ordered = sorted(counts, key=lambda part: (counts[part], part))
    number = {part: index for index, part in enumerate(ordered)}
    return [array("I", sorted(number[part] for part in _parts(text))) for text in texts]


def _parts(text: str | None) -> frozenset[str]:
    parts = shingles(text[:COMPARED]) if text else frozenset()
    return parts if len(parts) >= FEWEST else frozenset()


def _prefix(parts: array[int], share: Fraction) -> array[int]:
    """The rarest shingles (none of an empty text), so many that a text that is similar enough must share one of them."""
    return parts[: len(parts) - ceil(share * len(parts)) + 1]


def _similar(own: set[int], parts: array[int], share: Fraction) -> bool:
    common = len(own.intersection(parts))
    union = len(own) + len(parts) - common
    return common * share.denominator >= share.numerator * union


def _root(parent: list[int], row: int) -> int:
    while parent[row] != row:
        parent[row] = parent[parent[row]]
        row = parent[row]
    return row
