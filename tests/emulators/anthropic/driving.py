"""What tests drive the emulator with: the real SDK, plain requests, virtual time, and a fresh state each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import pytest

from ..serving.driving import Seen, Time, ask_plainly
from .handle import AnthropicEmulator

MESSAGES = "POST /v1/messages"
COUNT = "POST /v1/messages/count_tokens"
CREATE = "POST /v1/messages/batches"
LIST = "GET /v1/messages/batches"
READ = "GET /v1/messages/batches/ID"
RESULTS = "GET /v1/messages/batches/ID/results"
HAIKU, SONNET, OPUS = "claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"
OLD = "claude-haiku-4-5"  # takes prefill, sampling and budgets
NOON = "2026-11-24T12:00:00+00:00"
VERSION = "2026-10-21"


@pytest.fixture(scope="module")
def server() -> Iterator[AnthropicEmulator]:
    """The emulator, started once a file, on a running clock: its models are switched off on a real date."""
    with AnthropicEmulator(now=NOON, batch_s=0.0) as emulator:
        yield emulator


@pytest.fixture
def emulator(server: AnthropicEmulator) -> Iterator[AnthropicEmulator]:
    """The emulator with nothing in it; a test that broke the contract and did not say so fails here."""
    server.reset()
    yield server
    server.reset()


@pytest.fixture
def client(emulator: AnthropicEmulator) -> Iterator[anthropic.Anthropic]:
    """The real SDK, which does not retry."""
    with connect(emulator) as client:
        yield client


def connect(
    emulator: AnthropicEmulator, retries: int = 0, key: str | None = None
) -> anthropic.Anthropic:
    """The real SDK on the emulator."""
    return anthropic.Anthropic(
        api_key=key or emulator.api_key,
        base_url=emulator.base_url,
        max_retries=retries,
        timeout=20,
    )


def asked(text: str) -> Any:
    """A conversation of one turn."""
    return [{"role": "user", "content": text}]


def body(text: Any = "hello", **fields: Any) -> dict[str, Any]:
    """A small request."""
    return {"model": HAIKU, "max_tokens": 100, "messages": asked(text), **fields}


def text_of(message: Any) -> str:
    """The text of an answer, whatever blocks stand around it."""
    return "".join(block.text for block in message.content if block.type == "text")


def long_text(words: int, word: str = "word") -> str:
    """A text of so many words, which are as many tokens."""
    return " ".join(f"{word}{number}" for number in range(words))


@pytest.fixture
def time(emulator: AnthropicEmulator, tmp_path: Path) -> Time:
    """The emulator lives in virtual time, from noon of 2026-11-24 on."""
    time = Time(tmp_path / "now", NOON)
    emulator.set(now=time.setting)
    return time


def ask(
    emulator: AnthropicEmulator,
    method: str,
    path: str,
    body: Any = None,
    *,
    key: str | None = None,
    version: str | None = VERSION,
) -> Seen:
    """One plain request; OSError or http.client's errors where no whole answer came."""
    sent = {"x-api-key": key or emulator.api_key}
    if version is not None:
        sent["anthropic-version"] = version
    return ask_plainly(method, f"{emulator.url}{path}", sent, body)
