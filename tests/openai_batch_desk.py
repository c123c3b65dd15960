"""What tests of OpenAI's batches share: questions, names of routes, a batch, and the backend's part."""

from __future__ import annotations

from typing import Any

import ftkit
from ftkit.backend import Batches
from ftkit.types import Batch
from ftkit_openai.batching import OpenAIBatching
from tests.openai_desk import MODEL, opened

START = "POST /v1/batches"
LIST = "GET /v1/batches"
QUESTIONS = ["one two three", "with a \u2028 line\nand another", "wie groß ist es?", "", "🦜" * 3]


def batch(questions: Any = QUESTIONS, model: str = MODEL, **options: Any) -> Batch:
    """A batch, or what the same call attaches to."""
    return ftkit.model(model).batch(questions, **{"max_tokens": 30, **options})


def batching() -> OpenAIBatching:
    """Batches of the backend by the settings of now."""
    found = opened().inference
    assert isinstance(found, Batches) and isinstance(found.batches, OpenAIBatching)
    return found.batches
