"""What tests of the OpenAI backend share: rows, names of routes, the configuration, the time and a submission."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit import config
from ftkit.backend import Backend
from ftkit.registry import open_backend

BASE = "gpt-4o-mini-2024-07-18"
MODEL = f"openai/{BASE}"
ROWS = [{"prompt": f"question {n}", "completion": f"answer {n}"} for n in range(12)]
CREATE = "POST /v1/fine_tuning/jobs"
LIST = "GET /v1/fine_tuning/jobs"
READ = "GET /v1/fine_tuning/jobs/ID"
EVENTS = "GET /v1/fine_tuning/jobs/ID/events"
UPLOAD = "POST /v1/files"
CHAT = "POST /v1/chat/completions"
NOON = "2026-11-24T12:00:00+00:00"


def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
    """Write a user configuration with these settings of the instance "openai"."""
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in settings.items())
    path = tmp_path / "user.toml"
    path.write_text(f'[providers.openai]\nbackend = "openai"\n{lines}\n')
    monkeypatch.setenv("FTKIT_CONFIG", str(path))


def opened() -> Backend:
    """The backend by the settings of now."""
    return open_backend("openai", config.settings())


def it_is(moment: str, tmp_path: Path) -> None:
    """Let it be this moment for all who share the virtual time."""
    (tmp_path / "now").write_text(moment)


def submit(rows: Any = ROWS, model: str = MODEL, **options: Any) -> ftkit.types.Job:
    """A submission that accepts the base's end in seven weeks."""
    return ftkit.submit(rows, model, **{"allow_retiring": True, **options})


def tuned(**options: Any) -> ftkit.types.Job:
    """A job that has succeeded."""
    return submit(**options).wait(3600)
