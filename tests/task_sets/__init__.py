"""Data sets of known kinds of task, made from word lists and a seed: the judge of the guess at a task's kind.

Imports nothing from ftkit. SETS: name -> (the kind that is right, a function of a `random.Random` that makes the rows).
"""

from __future__ import annotations

from tests.task_sets import labels, records, texts, turns

SETS = {**labels.SETS, **records.SETS, **texts.SETS, **turns.SETS}
