"""Runs of the local trainer that are prepared on a tiny base and that no process starts: a test runs them itself.

A test file takes the fixtures over by giving them names of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local_runs import Home
from tests.tiny import tiny_model_folder


@pytest.fixture(scope="session")
def base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model_folder(tmp_path_factory.mktemp("base") / "tiny-llama")


@pytest.fixture
def here(tmp_path: Path, base_folder: Path) -> Home:
    return Home(tmp_path, base_folder)


@pytest.fixture
def prepared(here: Home, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Prepares a run that no process starts."""
    monkeypatch.setattr("ftkit_local.training.start_trainer", lambda run: True)

    def prepare(key: str = "ftkrun1", **options: Any) -> Any:
        here.training.submit(here.request(key, **options))
        return here.run(key)

    return prepare


@pytest.fixture(autouse=True)
def torch_as_before() -> Iterator[None]:
    import torch

    yield
    torch.use_deterministic_algorithms(False)
