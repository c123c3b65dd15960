"""A bench of hostile answers with the emulator as its provider: `pytest_plugins = ("tests.openai_hostile_bench",)`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emulators.openai import OpenAIEmulator
from tests.faults.stranger import Stranger
from tests.hostile import KEY, Bench, undisturbed
from tests.openai_hostile import OPENAI_STORIES, OpenAITarget


@pytest.fixture(scope="module")
def target() -> Iterator[OpenAITarget]:
    with OpenAIEmulator(run_s=0.0, accounts={KEY: "org-acme/proj-main"}) as server:
        yield OpenAITarget(server)


@pytest.fixture
def bench(target: OpenAITarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with Stranger() as stranger, undisturbed():
        yield Bench(target, OPENAI_STORIES, stranger, tmp_path, monkeypatch)
