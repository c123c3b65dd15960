"""Processes that ftkit starts get an allow-listed environment and no secret as an argument; what they write holds none.

A child is looked at from outside while it lives, in /proc.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

import ftkit
from ftkit.catalogue.schema import Catalogue
from ftkit_local import launch
from ftkit_local.bases import find_base
from tests.canaries_search import Search, of
from tests.faults.canaries import CANARIES
from tests.tiny import tiny_model_folder
from tests.tiny_gguf import tiny_gguf_file

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="processes are looked at in /proc"
)
LOOKS_EVERY_S = 0.05


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every canary of a request, an address or the environment is in a variable, whatever its name."""
    for number, canary in enumerate(CANARIES):
        if canary.place != "dataset_row":
            monkeypatch.setenv(f"PLANTED_{number}_API_KEY", canary.secret)
    monkeypatch.setenv("FTKIT_FAKE_API_KEY", of("environment")[0].secret)
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:{of('base_url_userinfo')[1].secret}@127.0.0.1:9")


@contextmanager
def watched(search: Search, mark: str) -> Iterator[None]:
    """Looks at each process whose command line has the mark."""
    done = Event()

    def watch() -> None:
        seen: set[str] = set()
        while not done.is_set():
            for folder in Path("/proc").glob("[0-9]*"):
                look(folder, seen)
            done.wait(LOOKS_EVERY_S)

    def look(folder: Path, seen: set[str]) -> None:
        if folder.name in seen or folder.name == str(os.getpid()):
            return
        try:
            argv = (folder / "cmdline").read_bytes()
            environ = (folder / "environ").read_bytes()
        except OSError:
            return  # it has ended, or is somebody else's
        if argv and environ and mark.encode() in argv:
            seen.add(folder.name)
            search.put("arguments of children", argv.replace(b"\0", b"\n"))
            search.put("environment of children", environ.replace(b"\0", b"\n"))

    thread = Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def train(folder: Path, home: Path) -> Search:
    """A short local run, its trainer looked at while it lives, and all that is left of it."""
    search = Search()
    base = tiny_model_folder(folder / "tiny")
    rows = [{"prompt": f"question {n}", "completion": f"label {n % 3}"} for n in range(40)]
    with watched(search, str(home)):
        job = ftkit.submit(rows, f"local/{base}", hyperparameters={"max_steps": 2}, name="small")
        job.wait(120)
    assert job.status == "succeeded", job.error
    search.put_home(home)
    print(f"\n{search.table()}")
    return search


@pytest.mark.usefixtures("planted")
def test_a_trainer_is_started_with_no_secret_and_leaves_none_behind(
    tmp_path: Path, home: Path
) -> None:
    search = train(tmp_path, home)
    assert search.found() == {}
    for output in ("arguments of children", "environment of children", "runs/", "ledger"):
        assert search.size(output) > 50, output


@pytest.mark.usefixtures("planted")
def test_a_trainer_that_inherits_the_environment_is_seen(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inherited: Callable[[Mapping[str, str]], dict[str, str]] = dict
    monkeypatch.setattr(launch, "trainer_environment", inherited)
    found = train(tmp_path, home).found()
    assert {output for _, output in found} == {"environment of children"}
    assert len(found["environment", "environment of children"]) == 25


@pytest.mark.usefixtures("planted")
def test_the_converter_of_gguf_files_is_started_with_no_secret(tmp_path: Path) -> None:
    search = Search()
    file = tiny_gguf_file(tmp_path / "tiny.gguf", tmp_path / "source")
    with watched(search, str(tmp_path / "home")):
        find_base(
            str(file), catalogue=Catalogue(), home=tmp_path / "home", progress=lambda said: None
        )
    print(f"\n{search.table()}")
    assert search.found() == {}
    assert search.size("environment of children") > 50
