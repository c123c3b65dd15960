"""A disk that is full, or fails once, at any write of a submission: a designed end, a whole ledger, and then one job.

`ftkit submit` is run with one write, fsync or fdatasync failing, the ledger is looked at in a copy by SQLite itself, and
the command is run again with the disk well. The provider lists what it made only after a while.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import get_args

import pytest

from tests.faults import strace
from tests.faults.warm import Ended
from tests.sweeping import CATEGORIES, LAG_S, SweptSubmission, copied, how_far

REASON = strace.unavailable()
pytestmark = pytest.mark.skipif(REASON is not None, reason=REASON or "")

WRITES = ("write", "pwrite64", "fsync", "fdatasync")
DESIGNED = {0, 1, 4}  # harmless; StorageError or LedgerError; may be billed
ERRORS = get_args(strace.Errno)


class Command(SweptSubmission):
    """`ftkit submit ROWS`."""

    program = "ftkit.cli"

    def __init__(self, folder: Path, wrong: str = "") -> None:
        super().__init__(folder, wrong, LAG_S)
        if wrong:
            self.program = "tests.programs.command"

    @property
    def arguments(self) -> list[str]:
        rows = super().arguments[0]
        return [*([self.wrong] if self.wrong else []), "submit", rows, "--model", "fake/small"]

    def writes(self) -> list[tuple[str, int]]:
        return [point for point in self.points() if point[0] in WRITES]

    def fail(self, syscall: str, n: int, error: strace.Errno) -> None:
        """Let one call fail, judge how the command ended, and run it again."""
        self.fresh()
        failed = strace.run_failing(
            self.command, self.env, self.folder, syscall, n, error, 60, categories=CATEGORIES
        )
        what = f"{syscall} {n} {error}"
        struck = failed.struck[0].category if failed.struck else "nothing"
        self.found[f"hit {struck}"] += 1
        made = self.provider.counts()["jobs"] > 0
        self.found[f"hit, exit code {failed.returncode}, {'a job' if made else 'no job'}"] += 1
        if struck == "output":  # nothing can be said where nobody can be told; the job is judged
            pass
        elif failed.returncode not in DESIGNED:
            self._bad("exit code", what, failed)
        elif b"Traceback" in failed.stderr:
            self._bad("traceback", what, failed)
        elif made and failed.returncode == 1 and how_far(self.home) != "made":
            self._bad("billed and not said", what, failed)
        if (said := integrity(self.home)) != "ok":
            self._bad(f"ledger: {said}", what, failed)
        self.count(f"{what} ({struck}), exit code {failed.returncode}")
        listed = self.warm.run([*self.arguments[: bool(self.wrong)], "jobs", "--json"])
        if listed.returncode:
            self._bad("jobs", what, failed)

    def verdict(self, again: Ended) -> str:
        word = super().verdict(again)
        return "traceback" if "Traceback" in again.stderr else word

    def _bad(self, word: str, what: str, failed: strace.Failed) -> None:
        self.found[word] += 1
        if not self.wrong:
            print(f"{what}: {word}, code {failed.returncode}\n{failed.stderr.decode()}")


def integrity(home: Path) -> str:
    """What SQLite says of the ledger, where there is one."""
    if not (home / "ledger.sqlite").exists():
        return "ok"
    with copied(home) as ledger:
        try:
            return str(ledger.execute("PRAGMA integrity_check").fetchone()[0])
        except sqlite3.DatabaseError as error:
            return str(error)


def test_a_submission_whose_disk_fails_at_a_sample_of_its_writes_has_one_job(
    tmp_path: Path,
) -> None:
    with Command(tmp_path) as command:
        points = command.writes()
        assert len(points) > 200
        rare = [point for point in points if point[0] != "pwrite64"]
        for number, point in enumerate(rare[::6] + points[::50]):
            command.fail(*point, ERRORS[number % len(ERRORS)])
        print(command.report(points))
    assert command.bad() == 0
    assert command.found["hit ledger"] > 4
    assert command.found["hit, exit code 1, no job"] > 2


def test_the_judge_sees_a_submission_that_is_deaf_to_the_disk(tmp_path: Path) -> None:
    with Command(tmp_path, "deaf to the disk") as command:
        points = command.points()
        create = max(at for at, (syscall, _) in enumerate(points) if syscall == "connect")
        for syscall, n in points[create - 20 : create]:
            if syscall == "fdatasync":  # the intent is made durable before the create
                command.fail(syscall, n, "EIO")
    assert command.bad() > 0
    assert command.found["doubled"] > 0


def test_the_look_at_a_ledger_sees_a_broken_one(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    assert integrity(home) == "ok"
    (home / "ledger.sqlite").write_bytes(b"SQLite format 3\0" + b"\xff" * 4096)
    assert integrity(home) != "ok"


@pytest.mark.torture
@pytest.mark.parametrize("error", ERRORS)
def test_a_submission_whose_disk_fails_at_any_write_has_one_job(
    error: strace.Errno, tmp_path: Path
) -> None:
    with Command(tmp_path) as command:
        points = command.writes()
        for point in points:
            command.fail(*point, error)
        print(error, command.report(points))
    assert command.bad() == 0
