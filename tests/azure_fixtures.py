"""The emulator as a fixture, to which the instance "azure" leads: `pytest_plugins = ("tests.azure_fixtures",)`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.azure_desk import NOON, OWN_VARIABLES, configure
from tests.emulators.azure import AzureEmulator


@pytest.fixture(scope="module")
def azure_server() -> Iterator[AzureEmulator]:
    """The emulator, started once a file."""
    with AzureEmulator(run_s=0.0, now=NOON) as server:
        yield server


@pytest.fixture
def azure(
    azure_server: AzureEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AzureEmulator]:
    """The emulator with nothing in it, to which "azure" leads; it and ftkit live in one virtual time from noon on."""
    azure_server.reset()
    clock = tmp_path / "now"
    clock.write_text(NOON)
    monkeypatch.setenv("FTKIT_NOW", f"file:{clock}")
    azure_server.set(now=f"file:{clock}")
    for name in OWN_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", azure_server.api_key)
    monkeypatch.setenv("AZURE_MANAGEMENT_TOKEN", azure_server.arm_token)
    configure(tmp_path, monkeypatch, azure_server)
    yield azure_server
    azure_server.reset()
