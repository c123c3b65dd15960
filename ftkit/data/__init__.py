"""The data room: rows come in from files or memory, leave as Examples, and are checked and split on the way.

`load` judges shape (strictly, once, naming every bad row), `check` judges meaning (never raising). Limits and
tokenizers come in as arguments: nothing here knows a model or a provider.
"""

from __future__ import annotations

from ftkit.data.checks import (
    NEVER,
    CheckReport,
    CheckRule,
    DataView,
    Finding,
    Portrait,
    RowView,
    Severity,
    Skipped,
    check,
    check_rule,
    report_of_faults,
)
from ftkit.data.conversion import Converted, convert
from ftkit.data.dataset import Dataset
from ftkit.data.example import Example, Image, Message, ToolCall
from ftkit.data.kinds import KINDS
from ftkit.data.likeness.ngrams import NearestIndex, shingles
from ftkit.data.loading import load
from ftkit.data.provenance import Provenance
from ftkit.data.splitting import MovedRow, Split
from ftkit.data.storage import Row
from ftkit.data.tasks import LabelSet, Task, TaskKind

__all__ = [
    "KINDS",
    "NEVER",
    "CheckReport",
    "CheckRule",
    "Converted",
    "DataView",
    "Dataset",
    "Example",
    "Finding",
    "Image",
    "LabelSet",
    "Message",
    "MovedRow",
    "NearestIndex",
    "Portrait",
    "Provenance",
    "Row",
    "RowView",
    "Severity",
    "Skipped",
    "Split",
    "Task",
    "TaskKind",
    "ToolCall",
    "check",
    "check_rule",
    "convert",
    "load",
    "report_of_faults",
    "shingles",
]
