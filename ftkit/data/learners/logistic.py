"""TF-IDF and multinomial logistic regression, trained by mini-batches with Adagrad. Needs numpy, which is no demand of ftkit."""

from __future__ import annotations

import importlib.util
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

_MOST_FEATURES = 20_000
_MOST_WEIGHTS = 20_000_000  # features times labels: 80 MB
_EPOCHS = 12
_BATCH = 64
_RATE = 0.5


def can_be_trained() -> bool:
    """Whether numpy is installed."""
    return importlib.util.find_spec("numpy") is not None


class Logistic:
    """Fitted to rows of features and the number of each row's label."""

    def __init__(self, rows: Sequence[Sequence[str]], labels: Sequence[int], classes: int) -> None:
        import numpy as np

        self._np: Any = np
        most = max(100, min(_MOST_FEATURES, _MOST_WEIGHTS // max(1, classes)))
        documents = Counter(feature for row in rows for feature in row)
        kept = [(feature, n) for feature, n in documents.most_common(most) if n > 1]
        self._index = {feature: number for number, (feature, _) in enumerate(kept)}
        self._idf = [math.log((1 + len(rows)) / (1 + n)) + 1 for _, n in kept]
        # the last weight is the bias
        self._weights = np.zeros((len(kept) + 1, classes), dtype=np.float32)
        self._fit([self._sparse(row) for row in rows], np.asarray(labels))

    def best(self, row: Sequence[str]) -> int:
        """The likeliest label."""
        places, values = self._sparse(row)
        return int(self._np.argmax(values @ self._weights[places]))

    def _sparse(self, row: Sequence[str]) -> tuple[Any, Any]:
        np = self._np
        places = [self._index[feature] for feature in row if feature in self._index]
        values = np.asarray([self._idf[place] for place in places], dtype=np.float32)
        values /= max(1e-6, float(np.sqrt((values * values).sum())))
        bias = len(self._idf)
        return np.asarray([*places, bias]), np.append(values, np.float32(1))

    def _fit(self, rows: Sequence[tuple[Any, Any]], labels: Any) -> None:
        np = self._np
        order = np.random.default_rng(0)
        squares = np.full_like(self._weights, 1e-2)
        for _ in range(_EPOCHS):
            for batch in np.array_split(order.permutation(len(rows)), max(1, len(rows) // _BATCH)):
                if not len(batch):
                    continue
                places = np.concatenate([rows[i][0] for i in batch])
                values = np.concatenate([rows[i][1] for i in batch])[:, None]
                starts = np.cumsum([0, *(len(rows[i][0]) for i in batch[:-1])])
                lengths = [len(rows[i][0]) for i in batch]
                scores = np.add.reduceat(values * self._weights[places], starts)
                chances = np.exp(scores - scores.max(axis=1, keepdims=True))
                chances /= chances.sum(axis=1, keepdims=True)
                chances[np.arange(len(batch)), labels[batch]] -= 1
                step = values * np.repeat(chances, lengths, axis=0)
                touched, where = np.unique(places, return_inverse=True)
                gradient = np.zeros((len(touched), self._weights.shape[1]), dtype=np.float32)
                np.add.at(gradient, where, step)
                squares[touched] += gradient * gradient
                self._weights[touched] -= _RATE * gradient / np.sqrt(squares[touched])
