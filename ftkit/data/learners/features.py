"""A text as its words and pairs of neighbouring words, each once. Scripts without spaces give characters for words."""

from __future__ import annotations

import re
from itertools import pairwise

_UNSPACED = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")
_MOST, _FEWEST = 300, 20  # words of a text that are looked at
_ALL_TEXTS = 1_500_000  # words of all texts together: some ten seconds of work


def most_words(texts: int) -> int:
    """How many words of each text to look at where there are so many."""
    return max(_FEWEST, min(_MOST, _ALL_TEXTS // max(1, texts)))


def features(text: str, most: int = _MOST) -> tuple[str, ...]:
    """Words and pairs in the order of their first place, so that sums over them are the same at every run."""
    # a word is 30 characters at most here, so that one endless text costs no more than others
    words = [word[:30] for word in _WORD.findall(text[: most * 30].lower())][:most]
    return tuple(dict.fromkeys((*words, *map(" ".join, pairwise(words)))))
