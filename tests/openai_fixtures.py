"""The emulator as a fixture, to which the instance "openai" leads: `pytest_plugins = ("tests.openai_fixtures",)`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emulators.openai import OpenAIEmulator
from tests.openai_desk import NOON

_OWN_VARIABLES = ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY", "OPENAI_CUSTOM_HEADERS")


@pytest.fixture(scope="module")
def openai_server() -> Iterator[OpenAIEmulator]:
    """The emulator, started once a file."""
    with OpenAIEmulator(run_s=0.0, now=NOON) as server:
        yield server


@pytest.fixture
def emulator(
    openai_server: OpenAIEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[OpenAIEmulator]:
    """The emulator with nothing in it, to which "openai" leads; it and ftkit live in one virtual time from noon on."""
    openai_server.reset()
    clock = tmp_path / "now"
    clock.write_text(NOON)
    monkeypatch.setenv("FTKIT_NOW", f"file:{clock}")
    openai_server.set(now=f"file:{clock}")
    monkeypatch.setenv("OPENAI_BASE_URL", openai_server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", openai_server.api_key)
    for name in _OWN_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    yield openai_server
    openai_server.reset()
