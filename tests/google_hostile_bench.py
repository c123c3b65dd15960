"""A bench of hostile answers with the emulator as its provider: `pytest_plugins = ("tests.google_hostile_bench",)`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emulators.google import GoogleEmulator
from tests.faults.stranger import Stranger
from tests.google_hostile import GOOGLE_STORIES, GoogleTarget
from tests.hostile import Bench, undisturbed


@pytest.fixture(scope="module")
def google_target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoogleTarget]:
    with GoogleEmulator(run_s=0.0) as server:
        yield GoogleTarget(server, tmp_path_factory.mktemp("credentials"))


@pytest.fixture
def google_bench(
    google_target: GoogleTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    with Stranger() as stranger, undisturbed():
        yield Bench(google_target, GOOGLE_STORIES, stranger, tmp_path, monkeypatch)
