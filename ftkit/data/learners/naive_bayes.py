"""Multinomial naive Bayes over the features that a text has, with additive smoothing (Manning et al. 2008, chapter 13).

Leaving a row out of what it is judged by is exact here: its own counts are subtracted.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Sequence

_SMOOTHING = 0.1


class NaiveBayes:
    """Fitted to rows of features and the number of each row's label; rows in `without` are left out."""

    def __init__(
        self,
        rows: Sequence[Sequence[str]],
        labels: Sequence[int],
        classes: int,
        without: Collection[int] = (),
    ) -> None:
        self._counts: defaultdict[str, dict[int, int]] = defaultdict(dict)
        self._sizes = [0] * classes
        self._rows = [0] * classes
        for index, (row, label) in enumerate(zip(rows, labels, strict=True)):
            if index in without:
                continue
            self._rows[label] += 1
            self._sizes[label] += len(row)
            for feature in row:
                count = self._counts[feature]
                count[label] = count.get(label, 0) + 1
        self._total = max(1, sum(self._rows))
        self._vocabulary = _SMOOTHING * max(1, len(self._counts))
        self._bases = [self._base(size) for size in self._sizes]
        self._priors = [self._prior(count) for count in self._rows]
        most = max(self._rows, default=0)
        self._gains = [math.log(n / _SMOOTHING + 1) for n in range(most + 1)]

    def scores(self, row: Sequence[str], own: int | None = None) -> list[float]:
        """Log odds of each label, up to a constant. `own` is the label with which this very row was fitted, to leave it out."""
        counts, gains = self._counts, self._gains
        scores = [0.0] * len(self._rows)
        seen = 0
        for feature in row:
            of_label = counts.get(feature)
            if of_label is None:
                continue
            if own is not None and len(of_label) == 1 and of_label.get(own) == 1:
                continue  # known from this row alone
            seen += 1
            for label, count in of_label.items():
                scores[label] += gains[count - 1 if label == own else count]
        bases, priors = self._bases, self._priors
        scores = [
            score + seen * base + prior
            for score, base, prior in zip(scores, bases, priors, strict=True)
        ]
        if own is not None:
            scores[own] += seen * (self._base(self._sizes[own] - len(row)) - bases[own])
            scores[own] += self._prior(self._rows[own] - 1) - priors[own]
        return scores

    def best(self, row: Sequence[str]) -> int:
        """The likeliest label; of equal ones the lowest number."""
        scores = self.scores(row)
        return max(range(len(scores)), key=scores.__getitem__)

    def _base(self, size: int) -> float:
        return -math.log(size + self._vocabulary)

    def _prior(self, rows: int) -> float:
        return math.log(max(rows, 0.5) / self._total)
