"""What kind of task a data set is, read from its answers, with the evidence in words. A guess: it blocks nothing."""

from __future__ import annotations

from ftkit.data.tasks.kinds import Task, TaskKind, task_of
from ftkit.data.tasks.labels import LabelSet, label_key, label_set
from ftkit.data.tasks.questions import asked, last_asked
from ftkit.data.tasks.schema import inferred_schema
from ftkit.data.tasks.worked import final_value

__all__ = [
    "LabelSet",
    "Task",
    "TaskKind",
    "asked",
    "final_value",
    "inferred_schema",
    "label_key",
    "label_set",
    "last_asked",
    "task_of",
]
