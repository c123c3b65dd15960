"""Plants wrong labels in labelled rows, and says where. Imports nothing from ftkit."""

from __future__ import annotations

from collections import Counter, defaultdict
from random import Random

Labelled = list[tuple[str, str]]


def at_random(rows: Labelled, share: float, seed: int) -> tuple[Labelled, set[int]]:
    """(rows, positions of the wrong ones): a share of the labels becomes any other label."""
    rng = Random(seed)
    names = sorted({label for _, label in rows})
    wrong = set(rng.sample(range(len(rows)), round(share * len(rows))))
    return [
        (text, rng.choice([name for name in names if name != label]) if i in wrong else label)
        for i, (text, label) in enumerate(rows)
    ], wrong


def towards_the_likest(rows: Labelled, share: float, seed: int) -> tuple[Labelled, set[int]]:
    """The same, but a label becomes the one whose texts are most like its own: the mistakes that people make."""
    rng = Random(seed)
    likest = _likest(rows)
    wrong = set(rng.sample(range(len(rows)), round(share * len(rows))))
    return [
        (text, likest[label] if i in wrong else label) for i, (text, label) in enumerate(rows)
    ], wrong


def _likest(rows: Labelled) -> dict[str, str]:
    """By the cosine of the words' counts, words that many labels share weighing less."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for text, label in rows:
        counts[label].update(set(text.lower().split()))
    spread = Counter(word for words in counts.values() for word in words)
    vectors = {
        label: {word: n / spread[word] ** 2 for word, n in words.items()}
        for label, words in counts.items()
    }
    sizes = {label: sum(v * v for v in vector.values()) ** 0.5 for label, vector in vectors.items()}

    def alike(one: str, other: str) -> float:
        shared = sum(v * vectors[other].get(word, 0) for word, v in vectors[one].items())
        return shared / (sizes[one] * sizes[other])

    return {
        label: max(sorted(set(vectors) - {label}), key=lambda other: alike(label, other))
        for label in vectors
    }
