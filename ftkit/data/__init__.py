"""The data room: rows come in from files or memory, leave as Examples, and are checked and split on the way.

`load` judges shape (strictly, once, naming every bad row), `check` judges meaning (never raising). Limits and
tokenizers come in as arguments: nothing here knows a model or a provider.
"""

from __future__ import annotations

from ftkit.data.checks import CheckReport, Finding, Severity, check, report_of_faults
from ftkit.data.dataset import Dataset, Row
from ftkit.data.example import Example, Image, Message, ToolCall
from ftkit.data.kinds import KINDS
from ftkit.data.loading import load
from ftkit.data.ngrams import NearestIndex, shingles

__all__ = [
    "KINDS",
    "CheckReport",
    "Dataset",
    "Example",
    "Finding",
    "Image",
    "Message",
    "NearestIndex",
    "Row",
    "Severity",
    "ToolCall",
    "check",
    "load",
    "report_of_faults",
    "shingles",
]
