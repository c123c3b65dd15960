"""Words in messages: the nearest right spelling of a wrong one, and texts of others in bounds."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

MOST = 2000


def shortened(text: str, most: int = MOST) -> str:
    """A text of somebody else's, no longer than `most` characters; what was cut says so."""
    if len(text) <= most:
        return text
    end = f" ... (cut: {len(text):,} characters)"
    return text[: max(0, most - len(end))] + end


def nearest(word: str, known: Iterable[str]) -> str:
    """The tail of an error message: `; did you mean 'epochs'?`, or the words to choose from."""
    words = sorted(map(str, known))
    close = get_close_matches(word, words, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(words)}" if words else ""
