"""What tests of Claude's batches share: questions, names of routes, a batch, another's batch, and the backend's part."""

from __future__ import annotations

from typing import Any

import anthropic

import ftkit
from ftkit.backend import Batches
from ftkit.types import Batch
from ftkit_anthropic.batching import AnthropicBatching
from tests.anthropic_desk import BATCH, HAIKU, MODEL, opened
from tests.emulators.anthropic import AnthropicEmulator

LIST = "GET /v1/messages/batches"
RESULTS = "GET /v1/messages/batches/ID/results"
QUESTIONS = ["one two three", "with a \u2028 line\nand another", "wie groß ist es?", "🦜" * 3]
HOUR = 3600.0


def batch(questions: Any = QUESTIONS, model: str = MODEL, **options: Any) -> Batch:
    """A batch, or what the same call attaches to."""
    return ftkit.model(model).batch(questions, **{"max_tokens": 30, **options})


def batching() -> AnthropicBatching:
    """Batches of the backend by the settings of now."""
    found = opened().inference
    assert isinstance(found, Batches) and isinstance(found.batches, AnthropicBatching)
    return found.batches


def of_another(claude: AnthropicEmulator, rows: int, key: str = "theirs") -> str:
    """A batch that somebody else of the workspace has made; its id."""
    params: Any = {
        "model": HAIKU,
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "question"}],
    }
    with anthropic.Anthropic(base_url=claude.base_url, api_key=claude.api_key) as sdk:
        requests = [{"custom_id": f"{key}-{n}", "params": params} for n in range(rows)]
        made = sdk.messages.batches.create(requests=requests)  # type: ignore[arg-type]
    return str(made.id)


def started(claude: AnthropicEmulator) -> int:
    """How many starts were sent, others' too."""
    return int(claude.counts()["requests"].get(BATCH, 0))
