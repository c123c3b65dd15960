"""A disk that fails, and a process that dies, at any call of `ftkit.convert`: the old file is there as it was, or the new one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ftkit
from ftkit.errors import StorageError
from tests.faults import strace
from tests.faults.strace_log import Call

REASON = strace.unavailable()
by_strace = pytest.mark.skipif(REASON is not None, reason=REASON or "")

SYSCALLS = ("write", "fsync", "link", "linkat", "rename", "renameat", "renameat2")
# more than is written at once
ROWS = "".join(f'{{"prompt": "{n} {"x" * 2000}", "completion": "a"}}\n' for n in range(1200))
OLD = b'{"prompt": "old", "completion": "old"}\n'
# A converter that writes to the file itself: what the judge must see.
CARELESS = """
from contextlib import contextmanager
from ftkit.data.writing import rows

@contextmanager
def in_place(paths, *, force):
    (path,) = paths
    with path.open("wb") as file:
        file.hidden = path
        yield [file]

rows.whole_files = in_place
"""
# Not the command, which spends two thirds of its life in imports.
PROGRAM = """
import sys
import ftkit
from ftkit.errors import StorageError

try:
    ftkit.convert("rows.jsonl", "out.jsonl", to="chat", force={force})
except StorageError as error:
    sys.exit(str(error))
"""


class Conversion:
    """A conversion of rows.jsonl to out.jsonl in a folder of its own, with or without a file that is there."""

    def __init__(self, tmp_path: Path, force: bool, wrong: str = "") -> None:
        self.folder = tmp_path / "files"
        self.folder.mkdir()
        self.env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        self.command = [sys.executable, "-c", wrong + PROGRAM.format(force=force)]
        self.force = force
        self.fresh()

    def fresh(self) -> None:
        for path in self.folder.iterdir():
            path.unlink()
        (self.folder / "rows.jsonl").write_text(ROWS)
        if self.force:
            (self.folder / "out.jsonl").write_bytes(OLD)

    def found(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.iterdir()}

    def points(self) -> list[Call]:
        """The calls that touch the file or its folder."""
        self.fresh()
        traced = strace.trace(self.command, self.env, self.folder, SYSCALLS)
        assert traced.returncode == 0, traced.stderr
        self.fresh()
        return [call for call in traced.calls if ".ftkit-" in call.where or "/files" in call.where]

    def wrong_at(self, point: Call, error: strace.Errno) -> str:
        """What is wrong after this call failed, "" where nothing is."""
        self.fresh()
        before = self.found()
        failed = strace.run_failing(
            self.command, self.env, self.folder, point.syscall, point.n, error, 60
        )
        if not failed.hit:
            return "not reached"
        if failed.returncode != 1 or b"Traceback" in failed.stderr:
            return f"exit code {failed.returncode}: {failed.stderr.decode()}"
        after = self.found()
        if b"a power cut may undo it" in failed.stderr:
            after["out.jsonl"] = before.get("out.jsonl", b"")
            before.setdefault("out.jsonl", b"")
        return "" if after == before else f"files: {sorted(after)}"


@by_strace
@pytest.mark.parametrize("force", [pytest.param(False, marks=pytest.mark.torture), True])
def test_whatever_call_fails_all_is_as_it_was(tmp_path: Path, force: bool) -> None:
    conversion = Conversion(tmp_path, force)
    points = conversion.points()
    assert {"write", "fsync"} < {point.syscall for point in points}
    assert len(points) >= 5
    for point in points if not force else [points[0], *points[-3:]]:
        errors: tuple[strace.Errno, ...] = ("ENOSPC", "EIO")
        error = errors[point.n % 2]
        if point.syscall.startswith("link"):  # then a rename does it
            continue
        assert conversion.wrong_at(point, error) == "", (point, error)


@by_strace
@pytest.mark.parametrize("force", [False, pytest.param(True, marks=pytest.mark.torture)])
def test_a_process_that_dies_leaves_the_old_file_or_the_new_one(
    tmp_path: Path, force: bool
) -> None:
    conversion = Conversion(tmp_path, force)
    points = conversion.points()[-3:]  # the file's sync, its name, the folder's sync
    whole = None
    for point in points:
        conversion.fresh()
        killed = strace.run_killed(
            conversion.command, conversion.env, conversion.folder, point.syscall, point.n, 60
        )
        assert killed.hit
        left = conversion.found()
        assert left["rows.jsonl"] == ROWS.encode()
        if left.get("out.jsonl") not in (None, OLD):
            whole = left["out.jsonl"]
            assert whole.count(b"\n") == 1200
        else:
            assert ("out.jsonl" in left) == force
    assert whole is not None  # the last call is the folder's sync, when the name is given


@by_strace
def test_the_judge_sees_a_converter_that_writes_into_the_file_itself(tmp_path: Path) -> None:
    conversion = Conversion(tmp_path, True, CARELESS)
    writes = [point for point in conversion.points() if point.syscall == "write"]
    assert conversion.wrong_at(writes[-1], "ENOSPC") != ""


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file may grow above 20 kB, as on a disk that has no more."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("name", ["out.jsonl", "out.json.gz", "out.csv.zst", "out.tsv"])
def test_a_full_disk_leaves_nothing_behind(name: str, full_disk: None) -> None:
    import random

    noise = random.Random(0)
    rows = [{"prompt": noise.randbytes(400).hex(), "completion": "a"} for _ in range(200)]
    with pytest.raises(StorageError, match=f"cannot write {name}: File too large"):
        ftkit.convert(rows, name, to="prompt_completion")
    assert [path.name for path in Path().iterdir() if path.is_file()] == []
