"""What tests of batches on the stand-in provider share: questions, names of routes, and a batch."""

from __future__ import annotations

from typing import Any

import ftkit
from ftkit.types import Batch

START = "POST /v1/batches"
LOOK = "GET /v1/batches/ID"
QUESTIONS = [f"where is parcel {number}?" for number in range(6)]
DAY = 24 * 3600


def batch(questions: list[str] = QUESTIONS, model: str = "fake/small", **options: Any) -> Batch:
    """A batch, or what the same call attaches to."""
    return ftkit.model(model).batch(questions, **{"max_tokens": 20, **options})
