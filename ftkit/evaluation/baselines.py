"""Answers that cost no model: what any tuned model has to beat before its score means anything.

If the most frequent answer, or the answer of the most similar training row, scores as well, the rows ask for no model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ftkit.data import Dataset, Example, Message, NearestIndex
from ftkit.errors import DataError

MAJORITY = "majority answer"
NEAREST = "nearest training answer"


def baseline_answers(train: Dataset, held_out: Sequence[Example]) -> dict[str, list[str]]:
    """Name of the baseline -> its answer to each held-out row, in order. Raises DataError for empty training rows."""
    known = list(train)
    if not known:
        raise DataError(f"{train.source}: there are no training rows to take baselines from")
    index = NearestIndex([question_of(example.prompt) for example in known])
    majority = Counter(example.answer for example in known).most_common(1)[0][0]
    return {
        MAJORITY: [majority] * len(held_out),
        NEAREST: [
            known[index.nearest(question_of(example.prompt))[0]].answer for example in held_out
        ],
    }


def question_of(prompt: Sequence[Message]) -> str:
    """The last thing the user said before the answer; the whole prompt where no user speaks."""
    for message in reversed(prompt):
        if message.role == "user":
            return message.content
    return "\n".join(message.content for message in prompt)
