"""What tests drive the emulator with: rows, the real SDK, plain requests, virtual time, and a fresh state each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from ..serving.driving import Seen, Time, ask_plainly, jsonl
from .handle import OpenAIEmulator

CREATE = "POST /v1/fine_tuning/jobs"
LIST = "GET /v1/fine_tuning/jobs"
READ = "GET /v1/fine_tuning/jobs/ID"
EVENTS = "GET /v1/fine_tuning/jobs/ID/events"
CHAT = "POST /v1/chat/completions"
BASE = "gpt-4o-mini-2024-07-18"
NOON = "2026-11-24T12:00:00+00:00"


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIEmulator]:
    """The emulator, started once a file, on a running clock: its bases are switched off on a real date."""
    with OpenAIEmulator(run_s=0.0, now=NOON) as emulator:
        yield emulator


@pytest.fixture
def emulator(server: OpenAIEmulator) -> Iterator[OpenAIEmulator]:
    """The emulator with nothing in it; a test that broke the contract and did not say so fails here."""
    server.reset()
    yield server
    server.reset()


@pytest.fixture
def client(emulator: OpenAIEmulator) -> Iterator[openai.OpenAI]:
    """The real SDK, which does not retry."""
    with connect(emulator) as client:
        yield client


def connect(emulator: OpenAIEmulator, retries: int = 0, key: str | None = None) -> openai.OpenAI:
    """The real SDK on the emulator."""
    return openai.OpenAI(
        api_key=key or emulator.api_key,
        base_url=emulator.base_url,
        max_retries=retries,
        timeout=20,
    )


def rows(count: int = 12, **extra: object) -> bytes:
    """A training file: "question N" with "answer N"."""
    return jsonl(
        {
            "messages": [
                {"role": "user", "content": f"question {number}"},
                {"role": "assistant", "content": f"answer {number}"},
            ],
            **extra,
        }
        for number in range(count)
    )


def upload(client: openai.OpenAI, content: bytes | None = None) -> str:
    """Upload a training file; its id."""
    file = ("train.jsonl", rows() if content is None else content)
    return client.files.create(file=file, purpose="fine-tune").id


def create(client: openai.OpenAI, file: str | None = None, **fields: Any) -> Any:
    """Create a job on a file, by default a new one of 12 rows."""
    return client.fine_tuning.jobs.create(
        model=fields.pop("model", BASE), training_file=file or upload(client), **fields
    )


def supervised(**hyperparameters: Any) -> Any:
    """The `method` of a supervised job."""
    return {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}}


@pytest.fixture
def time(emulator: OpenAIEmulator, tmp_path: Path) -> Time:
    """The emulator lives in virtual time, from noon of 2026-11-24 on."""
    time = Time(tmp_path / "now", NOON)
    emulator.set(now=time.setting)
    return time


def ask(
    emulator: OpenAIEmulator, method: str, path: str, body: Any = None, key: str | None = None
) -> Seen:
    """One plain request; OSError or http.client's errors where no whole answer came."""
    headers = {"Authorization": f"Bearer {key or emulator.api_key}"}
    return ask_plainly(method, f"{emulator.url}{path}", headers, body)
