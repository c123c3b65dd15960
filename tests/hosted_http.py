"""The stand-in provider over plain HTTP, without ftkit: its routes asked by hand, and an empty one at noon.

A test file takes the fixtures over by giving them names of its own; there they go before those of `conftest.py`.
"""

from __future__ import annotations

import hashlib
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ftkit.testing import HostedProvider

OTHER_KEY = "other-key"
ROWS = b"one two three four\n" * 20  # 80 words, 20 rows: 3 steps of 8 rows in an epoch
NOON = "2026-11-24T12:00:00+00:00"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        code: str = self.json["error"]["code"]
        return code


def connect(provider: HostedProvider, timeout_s: float = 10) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(provider.url).netloc, timeout=timeout_s)


def ask(
    provider: HostedProvider,
    method: str,
    path: str,
    body: bytes | dict[str, Any] | None = None,
    key: str = "fake-key",
    timeout_s: float = 10,
    **headers: str,
) -> Answer:
    connection = connect(provider, timeout_s)
    content = json.dumps(body).encode() if isinstance(body, dict) else body
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, content, {"Authorization": f"Bearer {key}", **named})
        reply = connection.getresponse()
        return Answer(reply.status, dict(reply.headers), reply.read())
    finally:
        connection.close()


def upload(provider: HostedProvider, content: bytes = ROWS, key: str = "fake-key") -> str:
    checksum = hashlib.sha256(content).hexdigest()
    path = "/v1/files?purpose=fine-tune"
    answer = ask(provider, "POST", path, content, key, X_Content_SHA256=checksum)
    assert answer.status == 201, answer.body
    id: str = answer.json["id"]
    return id


def create(provider: HostedProvider, key: str = "k", **fields: Any) -> Answer:
    asked = {
        "model": "small",
        "method": "lora",
        "training_file": fields.pop("training_file", None) or upload(provider),
        "validation_file": None,
        "hyperparameters": {"epochs": 2},
        "suffix": "router",
        "metadata": {"key": key},
    }
    return ask(provider, "POST", "/v1/jobs", {**asked, **fields})


def get(provider: HostedProvider, path: str) -> Any:
    answer = ask(provider, "GET", path)
    assert answer.status == 200, answer.body
    return answer.json


@pytest.fixture(scope="module")
def server() -> Iterator[HostedProvider]:
    with HostedProvider(accounts={"fake-key": "org-1", OTHER_KEY: "org-2"}) as provider:
        yield provider


@pytest.fixture
def provider(
    server: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> HostedProvider:
    """An empty provider, in the same virtual time as `ftkit.clock`: noon, until somebody sleeps."""
    file = tmp_path / "now"
    file.write_text(NOON)
    monkeypatch.setenv("FTKIT_NOW", f"file:{file}")
    server.reset()
    server.set(now=f"file:{file}")
    return server
