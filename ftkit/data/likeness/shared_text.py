"""The text that all of many texts, or nearly all, begin and end with: an instruction around each question."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction
from math import ceil


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands before and after what tells the texts apart, "" where nothing does."""

    start: str = ""
    end: str = ""

    def inside(self, text: str) -> str:
        """The text without its frame; one that begins or ends otherwise keeps that side."""
        rest = text.removeprefix(self.start)
        return rest.removesuffix(self.end)


def frame(texts: Collection[str], share: str = "1") -> Frame:
    """The longest beginning and end, in whole words, that this share of the texts has, as "1" or "0.9"."""
    start = _longest_start(texts, Fraction(share))
    rest = [text.removeprefix(start)[::-1] for text in texts]
    return Frame(start, _longest_start(rest, Fraction(share))[::-1])


def _longest_start(texts: Collection[str], share: Fraction) -> str:
    """In order of the alphabet, those that share a beginning stand side by side."""
    ordered = sorted(texts)
    window = max(1, ceil(share * len(ordered)))
    shared = max(
        (
            os.path.commonprefix((ordered[at], ordered[at + window - 1]))
            for at in range(len(ordered) - window + 1)
        ),
        key=len,
        default="",
    )
    return _whole_words(shared, texts)


def _whole_words(shared: str, texts: Collection[str]) -> str:
    """Cut back to the last white space, so that no word is torn, unless a whole text is shared."""
    if not shared or any(text == shared for text in texts) or shared[-1].isspace():
        return shared
    cut = max(shared.rfind(" "), shared.rfind("\n"))
    return shared[: cut + 1]
