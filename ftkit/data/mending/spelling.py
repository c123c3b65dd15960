"""How each label is usually written, by what FT305 takes for one label. All answers are looked at, so all are in memory."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from ftkit.data.example import Example
from ftkit.data.tasks import label_key, task_of


def usual_spelling(examples: Sequence[Example]) -> dict[str, str]:
    """The most frequent way of a label, by each way that is another; empty where the answers are no single labels."""
    task = task_of(examples)
    labels = None if task is None else task.labels
    if labels is None or labels.several or labels.notation == "JSON":
        return {}
    ways: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for example in examples:
        ways[label_key(example.answer)][example.answer] += 1
    usual: dict[str, str] = {}
    for key, found in ways.items():
        most = found.most_common(1)[0][0]
        if key:
            usual.update((way, most) for way in found if way != most)
    return usual
