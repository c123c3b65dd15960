"""The files of `ftkit.fix`: the original is never touched, what is written is read again, and on any error all is as it was."""

from __future__ import annotations

import gzip
import random
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit.data.mending import copying, packing
from ftkit.errors import ConfigError, DataError, FtkitError, StorageError

BODY = b'{"prompt": "q", "completion": "caf\xc3\x83\xc2\xa9 "}\n'


def state() -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in Path.cwd().iterdir() if p.is_file()}


@pytest.fixture
def rows() -> Path:
    path = Path("rows.jsonl")
    path.write_bytes(BODY * 3)
    return path


def test_fix_overwrites_neither_the_new_file_nor_the_log_without_force(rows: Path) -> None:
    ftkit.fix(rows, "out.jsonl")
    with pytest.raises(StorageError, match="is there already"):
        ftkit.fix(rows, "out.jsonl")
    Path("out.jsonl").unlink()
    with pytest.raises(StorageError, match="out.jsonl.fixes.jsonl is there already"):
        ftkit.fix(rows, "out.jsonl")
    ftkit.fix(rows, "out.jsonl", force=True)


@pytest.mark.parametrize("way", ["itself", "path", "symbolic", "hard", "log"])
def test_the_original_is_never_overwritten_with_force_too(rows: Path, way: str) -> None:
    out = Path("out.jsonl")
    if way == "symbolic":
        out.symlink_to(rows)
    elif way == "hard":
        out.hardlink_to(rows)
    target: Any = {"itself": rows, "path": rows.absolute(), "log": "other.jsonl"}.get(way, out)
    before = state()
    with pytest.raises(ConfigError, match="mending leaves the original as it is, also with force"):
        ftkit.fix(rows, target, force=True, log=rows if way == "log" else None)
    assert state() == before


def test_a_source_that_is_a_link_to_the_new_file_is_refused(rows: Path) -> None:
    Path("in.jsonl").symlink_to(rows)
    with pytest.raises(ConfigError, match="leaves the original"):
        ftkit.fix("in.jsonl", rows, force=True)


@pytest.mark.parametrize("there", [False, True])
def test_what_only_its_owner_may_read_stays_so(rows: Path, there: bool) -> None:
    rows.chmod(0o600)
    if there:
        Path("out.jsonl").write_text("old")
        Path("out.jsonl").chmod(0o644)
    ftkit.fix(rows, "out.jsonl", force=there)
    for path in ("out.jsonl", "out.jsonl.fixes.jsonl"):
        assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600


@pytest.mark.parametrize("wrong", ["a text is cut", "a row is dropped", "a row is doubled"])
def test_a_new_file_that_is_not_what_was_meant_never_gets_its_name(
    rows: Path, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    change: dict[str, Callable[[bytes], bytes]] = {
        "a text is cut": lambda text: text.replace("café".encode(), b"caf"),
        "a row is dropped": lambda text: b"" if b"prompt" in text else text,
        "a row is doubled": lambda text: text + b"\n" + text if b"prompt" in text else text,
    }
    real = packing.Sink.write
    monkeypatch.setattr(packing.Sink, "write", lambda self, text: real(self, change[wrong](text)))
    before = state()
    with pytest.raises(StorageError, match="does not read back as it was written"):
        ftkit.fix(rows, "out.jsonl")
    assert state() == before


def test_a_file_that_is_written_to_meanwhile_is_refused(
    rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = copying.Copy.write

    def write_and_touch(self: copying.Copy, *arguments: Any) -> Any:
        done = real(self, *arguments)
        with rows.open("ab") as file:
            file.write(BODY)
        return done

    monkeypatch.setattr(copying.Copy, "write", write_and_touch)
    with pytest.raises(DataError, match="changed while it was read"):
        ftkit.fix(rows, "out.jsonl")
    assert list(state()) == ["rows.jsonl"]


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz"])
def test_a_disk_that_is_full_is_one_message_and_leaves_nothing(name: str) -> None:
    chance = random.Random(0)
    body = b"".join(
        b'{"prompt": "%x", "completion": "a "}\n' % chance.getrandbits(4000) for _ in range(3000)
    )
    Path(name).write_bytes(gzip.compress(body) if name.endswith(".gz") else body)
    before = state()
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20));"
        f"from ftkit.cli.main import main; main(['fix', '{name}', 'out.{name}'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "cannot write out." in done.stderr and "Traceback" not in done.stderr
    assert state() == before


def test_errors_of_the_verb_are_of_our_own_kind(rows: Path) -> None:
    Path("folder").mkdir()
    for out in ("folder.jsonl/x.jsonl", "rows.jsonl/x.jsonl", "no/x.jsonl"):
        with pytest.raises(FtkitError):
            ftkit.fix(rows, out)
