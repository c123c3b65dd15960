"""What tests of the Anthropic backend share: names of models and routes, the configuration, the time and what was sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ftkit import config
from ftkit.backend import Backend, Inference
from ftkit.registry import open_backend
from tests.emulators.anthropic import AnthropicEmulator

HAIKU, SONNET, OPUS = "claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"
MODEL = f"anthropic/{HAIKU}"
ASK = "POST /v1/messages"
COUNT = "POST /v1/messages/count_tokens"
READ = "GET /v1/models/ID"
BATCH = "POST /v1/messages/batches"
NOON = "2026-11-27T12:00:00+00:00"


def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
    """Write a user configuration with these settings of the instance "anthropic"."""
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in settings.items())
    path = tmp_path / "user.toml"
    path.write_text(f'[providers.anthropic]\nbackend = "anthropic"\n{lines}\n')
    monkeypatch.setenv("FTKIT_CONFIG", str(path))


def opened() -> Backend:
    """The backend by the settings of now."""
    return open_backend("anthropic", config.settings())


def answering() -> Inference:
    """Its inference."""
    part = opened().inference
    assert part is not None
    return part


def batch_keys(emulator: AnthropicEmulator) -> dict[str, int]:
    """How many batches were made under each key: each has one first row."""
    rows = emulator.counts()["custom_ids"].items()
    return {name.removesuffix("-0"): made for name, made in rows if name.endswith("-0")}


def it_is(moment: str, tmp_path: Path) -> None:
    """Let it be this moment for all who share the virtual time."""
    (tmp_path / "now").write_text(moment)


def sent(emulator: AnthropicEmulator, route: str = ASK) -> dict[str, Any]:
    """The body of the last request of this route."""
    bodies: list[dict[str, Any]] = [one["json"] for one in emulator.log() if one["route"] == route]
    return bodies[-1]
