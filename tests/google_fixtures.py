"""The emulator as a fixture, to which the instance "google" leads: `pytest_plugins = ("tests.google_fixtures",)`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emulators.google import GoogleEmulator
from tests.google_desk import NOON, lead, reached


@pytest.fixture(scope="module")
def google_server() -> Iterator[GoogleEmulator]:
    """The emulator, started once a file."""
    with GoogleEmulator(run_s=0.0, now=NOON) as server:
        yield server


@pytest.fixture
def google(
    google_server: GoogleEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[GoogleEmulator]:
    """The emulator with nothing in it, to which "google" leads; it and ftkit live in one virtual time from noon on."""
    google_server.reset()
    clock = tmp_path / "now"
    clock.write_text(NOON)
    monkeypatch.setenv("FTKIT_NOW", f"file:{clock}")
    google_server.set(now=f"file:{clock}")
    lead(reached(google_server, tmp_path), monkeypatch)
    yield google_server
    google_server.reset()
