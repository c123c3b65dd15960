"""What tests on the stand-in provider share: rows, its routes, its configuration and its time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftkit.testing import HostedProvider

ROWS = [{"prompt": f"question {n}", "completion": f"answer {n}"} for n in range(12)]
CREATE = "POST /v1/jobs"
READ = "GET /v1/jobs/ID"
NOON = "2026-11-25T12:00:00+00:00"


def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **settings: object) -> None:
    """Write a user configuration with these settings of the instance "fake"."""
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in settings.items())
    tmp_path.mkdir(exist_ok=True)
    path = tmp_path / "user.toml"
    path.write_text(f'[providers.fake]\nbackend = "fake"\n{lines}\n')
    monkeypatch.setenv("FTKIT_CONFIG", str(path))


def virtual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: HostedProvider) -> Path:
    """Let ftkit and the provider live in one virtual time, from noon on; returns its file."""
    tmp_path.mkdir(exist_ok=True)
    clock = tmp_path / "now"
    clock.write_text(NOON)
    monkeypatch.setenv("FTKIT_NOW", f"file:{clock}")
    provider.set(now=f"file:{clock}")
    return clock
