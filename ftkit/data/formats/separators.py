"""What rows of prompt and completion ended in when there were no turns: a fixed end of the prompt, and one of the completion.

Models of today mark turns themselves. A separator then is learned as part of the text, and must be sent with every question.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# Of several that fit the first is meant: the longer ones come first.
PROMPT_ENDS = ("\n\n###\n\n", " ->", "\n\n")
COMPLETION_ENDS = (" END", " ###", "###")
COMPLETION_START = " "
_NEARLY_ALL = 0.95
_FEWEST = 5  # rows: in fewer an end that all of them share is no habit


@dataclass(frozen=True, slots=True)
class Separators:
    """The ends that nearly all rows have; "" where there is none."""

    prompt_end: str = ""
    completion_start: str = ""
    completion_end: str = ""

    def __bool__(self) -> bool:
        return bool(self.prompt_end or self.completion_start or self.completion_end)

    def __str__(self) -> str:
        parts = {
            "the end of the prompt": self.prompt_end,
            "the beginning of the completion": self.completion_start,
            "the end of the completion": self.completion_end,
        }
        return ", ".join(f"{text!r} at {place}" for place, text in parts.items() if text)

    def prompt(self, text: str) -> str:
        """The prompt without its end, where it has it."""
        return text.removesuffix(self.prompt_end)

    def completion(self, text: str) -> str:
        """The completion without its beginning and its end, where it has them."""
        return text.removeprefix(self.completion_start).removesuffix(self.completion_end)


NONE = Separators()


def separators(pairs: Iterable[tuple[str, str]]) -> Separators:
    """What nearly all of these prompts and completions have in common."""
    counts = dict.fromkeys((*PROMPT_ENDS, *COMPLETION_ENDS, COMPLETION_START), 0)
    rows = 0
    for prompt, completion in pairs:
        rows += 1
        for end in PROMPT_ENDS:
            counts[end] += prompt.endswith(end)
        for end in COMPLETION_ENDS:
            counts[end] += completion.endswith(end)
        counts[COMPLETION_START] += completion.startswith(COMPLETION_START)
    if rows < _FEWEST:
        return NONE
    usual = [text for text, count in counts.items() if count >= _NEARLY_ALL * rows]
    return Separators(
        next((end for end in PROMPT_ENDS if end in usual), ""),
        COMPLETION_START if COMPLETION_START in usual else "",
        next((end for end in COMPLETION_ENDS if end in usual), ""),
    )
