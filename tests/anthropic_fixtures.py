"""The emulator as a fixture, to which the instance "anthropic" leads: `pytest_plugins = ("tests.anthropic_fixtures",)`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ftkit.backend import Inference
from tests.anthropic_desk import NOON, answering
from tests.emulators.anthropic import AnthropicEmulator

OWN_VARIABLES = ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE", "ANTHROPIC_CUSTOM_HEADERS")


@pytest.fixture(scope="module")
def anthropic_server() -> Iterator[AnthropicEmulator]:
    """The claude, started once a file."""
    with AnthropicEmulator(now=NOON) as server:
        yield server


@pytest.fixture
def claude(
    anthropic_server: AnthropicEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AnthropicEmulator]:
    """The emulator with nothing in it, to which "anthropic" leads; it and ftkit live in one virtual time from noon on."""
    anthropic_server.reset()
    clock = tmp_path / "now"
    clock.write_text(NOON)
    monkeypatch.setenv("FTKIT_NOW", f"file:{clock}")
    anthropic_server.set(now=f"file:{clock}")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", anthropic_server.base_url)
    monkeypatch.setenv("ANTHROPIC_API_KEY", anthropic_server.api_key)
    for name in OWN_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    yield anthropic_server
    anthropic_server.reset()


@pytest.fixture
def claude_inference(claude: AnthropicEmulator) -> Inference:
    """The backend's inference, by the settings of now."""
    return answering()
