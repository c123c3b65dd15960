"""What tests drive the emulator with: the real SDK, plain requests to both planes, and a fresh state each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from ..openai.driving import NOON, rows, supervised
from ..serving import EmulatorError
from ..serving.driving import Seen, Time, ask_plainly
from .handle import AzureEmulator

__all__ = ["NOON", "EmulatorError", "Time", "ask_plainly", "rows", "supervised"]

CREATE = "POST /openai/v1/fine_tuning/jobs"
LIST = "GET /openai/v1/fine_tuning/jobs"
READ = "GET /openai/v1/fine_tuning/jobs/ID"
CHAT = "POST /openai/v1/chat/completions"
PUT = "PUT deployments/NAME"
BASE = "gpt-4.1-mini-2025-04-14"
VERSION = "2024-10-01"
HELLO: Any = [{"role": "user", "content": "question 3"}]


@pytest.fixture(scope="module")
def server() -> Iterator[AzureEmulator]:
    """The emulator, started once a file, on a running clock."""
    with AzureEmulator(run_s=0.0, now=NOON) as emulator:
        yield emulator


@pytest.fixture
def emulator(server: AzureEmulator) -> Iterator[AzureEmulator]:
    """The emulator with nothing in it; a test that broke the contract and did not say so fails here."""
    server.reset()
    yield server
    server.reset()


@pytest.fixture
def client(emulator: AzureEmulator) -> Iterator[openai.OpenAI]:
    """The real SDK, which does not retry."""
    with connect(emulator) as client:
        yield client


@pytest.fixture
def time(emulator: AzureEmulator, tmp_path: Path) -> Time:
    """The emulator lives in virtual time, from noon of 2026-11-24 on."""
    time = Time(tmp_path / "now", NOON)
    emulator.set(now=time.setting)
    return time


def connect(emulator: AzureEmulator, key: str | None = None) -> openai.OpenAI:
    """The real SDK on the emulator."""
    return openai.OpenAI(
        api_key=key or emulator.api_key, base_url=emulator.base_url, max_retries=0, timeout=20
    )


def upload(client: openai.OpenAI, content: bytes | None = None) -> str:
    """Upload a training file; its id."""
    file = ("train.jsonl", rows() if content is None else content)
    return str(client.files.create(file=file, purpose="fine-tune").id)


def create(client: openai.OpenAI, file: str | None = None, **fields: Any) -> Any:
    """Create a job on a file, by default a new one of 12 rows, trained anywhere; `kind` is its trainingType."""
    kind = fields.pop("kind", "GlobalStandard")
    return client.fine_tuning.jobs.create(
        model=fields.pop("model", BASE),
        training_file=file or upload(client),
        extra_body={"trainingType": kind} if kind is not None else None,
        **fields,
    )


def trained(client: openai.OpenAI, **fields: Any) -> str:
    """Train a model at once; its name."""
    return str(client.fine_tuning.jobs.retrieve(create(client, **fields).id).fine_tuned_model)


def body(
    model: str, sku: str = "GlobalStandard", capacity: int = 100, **fields: Any
) -> dict[str, Any]:
    """The body of a deployment's PUT."""
    named = {"format": "OpenAI", "name": model, "version": "1", **fields}
    return {"sku": {"name": sku, "capacity": capacity}, "properties": {"model": named}}


def arm(
    emulator: AzureEmulator,
    method: str,
    path: str,
    body: Any = None,
    *,
    token: str | None = None,
    version: str | None = VERSION,
) -> Seen:
    """One plain request to the resource in ARM ("/deployments/x"), or to any path from /subscriptions on."""
    whole = path if path.startswith("/subscriptions") else f"{emulator.site.account_id}{path}"
    query = f"?api-version={version}" if version is not None else ""
    headers = {"Authorization": f"Bearer {token or emulator.arm_token}"}
    return ask_plainly(method, f"{emulator.arm_url}{whole}{query}", headers, body)


def deploy(emulator: AzureEmulator, name: str, model: str, **fields: Any) -> Seen:
    """PUT a deployment."""
    return arm(emulator, "PUT", f"/deployments/{name}", body(model, **fields))


def ask(emulator: AzureEmulator, method: str, path: str, body: Any = None, **headers: str) -> Seen:
    """One plain request to the data plane; without headers of its own it carries the key."""
    sent = headers or {"api-key": emulator.api_key}
    return ask_plainly(method, f"{emulator.url}{path}", sent, body)
