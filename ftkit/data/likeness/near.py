"""Which questions are near duplicates of each other, or of known ones, by the Jaccard similarity of 5-character shingles.

Up to 20,000 texts the search is exact. Above, a sketch (MinHash) names pairs and each is compared exactly: nothing is found
that is not so, and of pairs at the bound three in a thousand are missed. Text that nine in ten texts share at their beginning
or end is taken off first: short questions inside one long instruction are not alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

from ftkit.data.example import Example
from ftkit.data.likeness import exact_pairs
from ftkit.data.likeness.exact_pairs import TooAlike
from ftkit.data.likeness.shared_text import Frame, frame

__all__ = [
    "MOST_ROWS",
    "TooAlike",
    "TooMany",
    "near_links",
    "near_matches",
    "normalised",
    "question",
]

NEAR = 0.8
MOST_ROWS = 20_000  # of both sides together; above, the exact search takes minutes and gigabytes
_NEARLY_ALL = "0.9"
_FEWEST = 50  # texts; fewer share a beginning by chance

_NO_WORD = re.compile(r"[\W_]+")


class TooMany(Exception):
    """So many texts are compared by sketches alone, and datasketch, which makes them, is not installed."""


def question(example: Example) -> str | None:
    """The turns before the answer, without the system prompt that all rows share; None where pictures tell it apart."""
    turns = [turn for turn in example.prompt if turn.role != "system"]
    if any(turn.images for turn in turns):
        return None
    return "\n".join(text for turn in turns for text in (turn.content, *_called(turn.tool_calls)))


def normalised(text: str) -> str:
    """Words and numbers in one case; a text of signs alone stays as it is, as those are all that it says."""
    return _NO_WORD.sub(" ", text.casefold()).strip() or text.strip()


def near_links(texts: Sequence[str | None], near: float = NEAR) -> Iterator[tuple[int, int]]:
    """Pairs of positions with a similarity of `near` or more that connect all such texts; None and texts of
    fewer than 20 different shingles are like nothing.

    Texts that hang together already are not compared again: of n texts at most n - 1 pairs come. Raises TooAlike, TooMany.
    """
    inside = _without(texts, [_frame(texts)])
    share = Fraction(str(near))
    if len(texts) <= MOST_ROWS:
        yield from exact_pairs.links(inside, share)
        return
    _needs_sketches(len(texts))
    from ftkit.data.likeness import sketched_pairs

    yield from sketched_pairs.links(inside, share)


def near_matches(
    texts: Sequence[str | None], known: Sequence[str | None], near: float = NEAR
) -> dict[int, int]:
    """Position in `texts` -> position in `known` of one that is as similar as `near` or more. Raises TooAlike, TooMany."""
    frames = [_frame(texts), _frame(known)]
    ours, theirs = _without(texts, frames), _without(known, frames)
    share = Fraction(str(near))
    if len(texts) + len(known) <= MOST_ROWS:
        return exact_pairs.matches(ours, theirs, share)
    _needs_sketches(len(texts) + len(known))
    from ftkit.data.likeness import sketched_pairs

    return sketched_pairs.matches(ours, theirs, share)


def _needs_sketches(rows: int) -> None:
    try:
        import datasketch  # noqa: F401
    except ImportError as error:
        why = f"{rows:,} rows, more than {MOST_ROWS:,}: pip install 'ftkit[data]'"
        raise TooMany(why) from error


def _frame(texts: Sequence[str | None]) -> Frame:
    different = {text for text in texts if text}
    return frame(different, _NEARLY_ALL) if len(different) >= _FEWEST else Frame()


def _without(texts: Sequence[str | None], frames: Sequence[Frame]) -> list[str | None]:
    def inside(text: str) -> str:
        for one in frames:
            text = one.inside(text)
        return text

    return [inside(text) if text else None for text in texts]


def _called(calls: Sequence[object]) -> Iterator[str]:
    return (f"{getattr(call, 'name', '')}({getattr(call, 'arguments', '')})" for call in calls)
