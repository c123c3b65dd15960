"""Secrets that a careless provider, a configuration or an address repeats never reach an output of ftkit."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftkit.testing import HostedProvider
from tests.faults.canaries import CANARIES, find_canaries

VERBS = (
    ["submit", "rows.jsonl", "--model", "fake/small", "--name", "router"],
    ["--debug", "submit", "rows.jsonl", "--model", "fake/small", "--name", "router"],
    ["jobs"],
    ["job", "show", "router", "--json"],
    ["job", "events", "router"],
    ["job", "explain", "router"],
    ["config", "show"],
)


@pytest.fixture(scope="module")
def provider() -> Iterator[HostedProvider]:
    with HostedProvider(run_s=0.0, echo_credentials=True) as server:
        yield server


def outputs(home: Path, **more: str) -> bytes:
    """All that the verbs print and leave behind, the spooled rows aside."""
    import os

    said = b""
    for verb in VERBS:
        done = subprocess.run(
            [sys.executable, "-m", "ftkit.cli", *verb],
            check=False,
            env=os.environ | more,
            capture_output=True,
            timeout=60,
        )
        said += done.stdout + done.stderr
    files = [path for path in home.rglob("*") if path.is_file() and "uploads" not in path.parts]
    return said + b"".join(path.read_bytes() for path in files)


def of(place: str) -> list[str]:
    return [canary.secret for canary in CANARIES if canary.place == place]


def test_keys_of_the_environment_that_a_provider_repeats_are_nowhere(
    provider: HostedProvider, home: Path
) -> None:
    provider.reset()
    rows = (f'{{"prompt": "question {n}", "completion": "answer {n}"}}\n' for n in range(60))
    Path("rows.jsonl").write_text("".join(rows))
    secrets = of("environment") + of("error_body") + of("provider_event")
    planted = {f"CANARY_{n}_API_KEY": secret for n, secret in enumerate(secrets)}
    body = json.dumps({"error": {"code": "bad", "message": " ".join(secrets)}})
    provider.fault("POST /v1/jobs", "reply", status=400, body=body)
    said = outputs(
        home, FTKIT_FAKE_URL=provider.url, FTKIT_FAKE_API_KEY=provider.api_key, **planted
    )
    assert b"400" in said
    assert find_canaries(said) == []


def test_a_key_that_the_provider_does_not_know_and_repeats_is_nowhere(
    provider: HostedProvider, home: Path
) -> None:
    provider.reset()
    Path("rows.jsonl").write_text('{"prompt": "q", "completion": "a"}\n' * 60)
    for secret in of("request_header")[:1]:
        said = outputs(home, FTKIT_FAKE_URL=provider.url, FTKIT_FAKE_API_KEY=secret)
        assert find_canaries(said) == []


def test_the_search_sees_a_key_that_is_printed() -> None:
    assert find_canaries(f"said {of('environment')[0]}".encode())
