"""Which known text is most like a new one: exact Jaccard similarity of character n-grams, in plain Python."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from ftkit.errors import DataError


def shingles(text: str, n: int = 5) -> frozenset[str]:
    """All runs of n characters of the text in lower case with single spaces; a shorter text is its own only one."""
    whole = plain(text)
    if len(whole) <= n:
        return frozenset((whole,))
    return frozenset(whole[i : i + n] for i in range(len(whole) - n + 1))


def plain(text: str) -> str:
    """In lower case with single spaces."""
    return " ".join(text.lower().split())


class NearestIndex:
    """Finds the nearest of `texts` by Jaccard similarity of their shingles; raises DataError where there are none."""

    def __init__(self, texts: Iterable[str], n: int = 5) -> None:
        self._n = n
        self._sizes: list[int] = []
        self._postings: defaultdict[str, list[int]] = defaultdict(list)
        for index, text in enumerate(texts):
            parts = shingles(text, n)
            self._sizes.append(len(parts))
            for part in parts:
                self._postings[part].append(index)
        if not self._sizes:
            raise DataError("there is no text to compare with; give NearestIndex at least one")

    def __len__(self) -> int:
        return len(self._sizes)

    def nearest(self, text: str) -> tuple[int, float]:
        """(index, similarity from 0 to 1) of the nearest text; of equally near ones the lowest index."""
        parts = shingles(text, self._n)
        shared: Counter[int] = Counter()
        for part in parts:
            shared.update(self._postings.get(part, ()))
        best, similarity = 0, 0.0
        for index, common in shared.items():
            now = common / (len(parts) + self._sizes[index] - common)
            if now > similarity or (now == similarity and index < best):
                best, similarity = index, now
        return best, similarity
