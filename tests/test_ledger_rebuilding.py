"""What happens to a damaged ledger: set aside, rebuilt from what can be read, and it says so."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ftkit.errors import LedgerError, StorageError
from ftkit.ledger import Ledger, State, swapping
from ftkit.ledger.log_image import image
from tests.ledgers import FILES, add, fill

JOBS = 30


@pytest.fixture
def filled(home: Path) -> Path:
    """A closed ledger with jobs in every state."""
    ledger = Ledger(home)
    fill(ledger, JOBS)
    return home


def live_copy(ledger: Ledger, to: Path) -> Path:
    """The files of an open ledger, as another program would copy them."""
    to.mkdir()
    for name in FILES:
        shutil.copy(ledger.path.with_name(name), to)
    return to


def turn(path: Path, text: bytes) -> None:
    """Turn one bit in the last place where a file has this text."""
    content = bytearray(path.read_bytes())
    content[content.rindex(text)] ^= 1
    path.write_bytes(content)


def aside(home: Path) -> list[str]:
    """The names of the files that were set aside."""
    return sorted(path.name for path in home.glob("*.damaged.*"))


# --- what is lost, what is kept ---


def test_one_turned_bit_in_a_job_loses_this_job_only(filled: Path) -> None:
    turn(filled / "ledger.sqlite", b"fftkjob007")  # its fingerprint
    ledger = Ledger(filled)
    assert [row.id for row in ledger.jobs()] == [
        f"ftkjob{number:03d}" for number in reversed(range(JOBS)) if number != 7
    ]
    assert ledger.intent("ftkjob007") is not None
    assert ledger.rebuilt_at is not None


def test_a_page_that_cannot_be_read_loses_only_what_is_on_it(filled: Path) -> None:
    path = filled / "ledger.sqlite"
    plain = sqlite3.connect(path)
    (root,) = plain.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'jobs'").fetchone()
    plain.close()
    content = bytearray(path.read_bytes())
    pages = int.from_bytes(content[(root - 1) * 4096 + 3 : (root - 1) * 4096 + 5], "big") + 1
    assert pages > 3
    at = (root - 1) * 4096 + 12  # the list of pages below the root of the jobs
    first = int.from_bytes(content[at : at + 2], "big")
    second = int.from_bytes(content[at + 2 : at + 4], "big")
    for cell in (first, second):
        child = int.from_bytes(content[(root - 1) * 4096 + cell :][:4], "big")
        content[(child - 1) * 4096 : child * 4096] = bytes(4096)
    path.write_bytes(content)
    kept = {row.id for row in Ledger(filled).jobs()}
    assert JOBS - 20 <= len(kept) < JOBS
    assert {f"ftkjob{JOBS - 1:03d}"} <= kept
    assert len(Ledger(filled).intents()) == JOBS + 1


def test_a_record_of_the_log_that_was_hit_does_not_hide_the_later_ones(
    home: Path, tmp_path: Path
) -> None:
    ledger = Ledger(home)
    add(ledger, "early")
    ledger.tell("early", "this line is hit")
    for number in range(20):
        add(ledger, f"late{number}")
        ledger.move(f"late{number}", State.MADE, only_from=list(State), remote_id=f"r{number}")
    copy = live_copy(ledger, tmp_path / "copy")
    log = bytearray((copy / "ledger.sqlite-wal").read_bytes())
    log[log.index(b"this line is hit")] ^= 1
    (copy / "ledger.sqlite-wal").write_bytes(log)
    rebuilt = Ledger(copy)
    assert rebuilt.jobs() == [job for job in ledger.jobs() if job.id != "early"] + [
        rebuilt.job("early")
    ]
    assert rebuilt.rebuilt_at is not None


def test_an_intent_from_before_a_lost_end_of_the_log_never_says_that_nothing_was_sent(
    home: Path, tmp_path: Path
) -> None:
    ledger = Ledger(home)
    add(ledger, "a")
    size = Path(f"{ledger.path}-wal").stat().st_size
    ledger.move("a", State.SUBMITTING, only_from=[State.PREPARED])
    copy = live_copy(ledger, tmp_path / "copy")
    os.truncate(copy / "ledger.sqlite-wal", size)
    rebuilt = Ledger(copy)
    row = rebuilt.job("a")
    assert row.state is State.UNSETTLED
    assert row.sent_at is not None
    last = rebuilt.history("a")[-1]
    assert (last.what, last.detail) == (
        "create unsettled",
        "the ledger has lost its newest entries: this call may have been made",
    )


def test_an_older_copy_put_in_place_says_that_entries_are_missing(
    home: Path, tmp_path: Path
) -> None:
    add(Ledger(home), "a")
    shutil.copy(home / "ledger.sqlite", tmp_path / "old")
    add(Ledger(home), "b")
    shutil.copy(tmp_path / "old", home / "ledger.sqlite")
    ledger = Ledger(home)
    assert [row.id for row in ledger.jobs()] == ["a"]
    assert ledger.needs_import is True


def test_the_image_of_a_log_leaves_out_what_was_never_committed() -> None:
    def record(page: int, commit: int, fill: bytes, salt: bytes = b"saltsalt") -> bytes:
        head = page.to_bytes(4, "big") + commit.to_bytes(4, "big") + salt + bytes(8)
        return head + fill * 4096

    main = b"m" * 8192
    log = bytes(16) + b"saltsalt" + bytes(8)
    log += (
        record(2, 0, b"a")
        + record(3, 3, b"b")
        + record(2, 0, b"c")
        + record(2, 3, b"o", b"old-old-")
    )
    made = image(main, log)
    assert len(made) == 3 * 4096
    assert made[100:4096] == b"m" * 3996
    assert made[4096:8192] == b"a" * 4096
    assert made[8192:] == b"b" * 4096


# --- lost files ---


@pytest.mark.parametrize("loss", ["missing", "empty", "all pages zero"])
def test_a_lost_ledger_is_not_taken_for_a_new_one(filled: Path, loss: str) -> None:
    path = filled / "ledger.sqlite"
    if loss == "missing":
        path.unlink()
    else:
        path.write_bytes(b"" if loss == "empty" else bytes(path.stat().st_size))
    ledger = Ledger(filled)
    assert ledger.jobs() == []
    assert ledger.rebuilt_at is not None
    assert ledger.needs_import is True


def test_a_ledger_that_is_lost_while_open_is_not_taken_for_a_new_one(filled: Path) -> None:
    ledger = Ledger(filled)
    assert len(ledger.jobs()) == JOBS
    for name in FILES[:3]:
        (filled / name).unlink()
    ledger.tell("m", "still here")
    assert [line.what for line in ledger.history("m")] == ["still here"]
    assert ledger.needs_import is True


@pytest.mark.parametrize("left", ["nothing", "an empty file", "a ledger"])
def test_a_process_that_ended_before_the_marker_was_written_is_no_damage(
    home: Path, left: str
) -> None:
    home.mkdir()
    if left == "an empty file":
        (home / "ledger.sqlite").touch()
    if left == "a ledger":
        add(Ledger(home), "a")
        (home / "ledger.exists").unlink()
    ledger = Ledger(home)
    assert [row.id for row in ledger.jobs()] == (["a"] if left == "a ledger" else [])
    assert ledger.rebuilt_at is None
    assert (home / "ledger.exists").exists()


def test_an_answer_of_the_damaged_marker_is_not_believed(filled: Path) -> None:
    marker = filled / "ledger.exists"
    marker.write_bytes(b"\xff" * marker.stat().st_size)
    ledger = Ledger(filled)
    assert len(ledger.jobs()) == JOBS
    assert ledger.rebuilt_at is None


# --- how it is told ---


def test_the_damaged_files_are_kept_and_one_line_says_where(
    filled: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTKIT_NOW", "2026-11-25T12:00:00Z")
    content = b"not a database, far from it" * 200
    (filled / "ledger.sqlite").write_bytes(content)
    ledger = Ledger(filled)
    with caplog.at_level(logging.WARNING, "ftkit"):
        ledger.jobs()
        ledger.named()
    (name,) = aside(filled)
    assert name.startswith("ledger.sqlite.damaged.20261125T1200")
    assert (filled / name).read_bytes() == content
    (record,) = caplog.records
    assert "was damaged (file is not a database)" in record.message
    assert str(filled / name) in record.message
    at = ledger.rebuilt_at
    assert at is not None
    assert abs((at - datetime(2026, 11, 25, 12, tzinfo=UTC)).total_seconds()) < 60


def test_the_log_of_a_damaged_ledger_is_kept_whole(home: Path, tmp_path: Path) -> None:
    ledger = Ledger(home)
    fill(ledger, 5)
    copy = live_copy(ledger, tmp_path / "copy")
    path = copy / "ledger.sqlite-wal"
    log = bytearray(path.read_bytes())
    log[5000] ^= 1
    path.write_bytes(log)
    Ledger(copy).jobs()
    (kept,) = copy.glob("*.damaged.*-wal")
    assert kept.read_bytes() == log


def test_two_damaged_ledgers_of_one_second_are_both_kept(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = tmp_path / "clock"
    clock.write_text("2026-11-25T12:00:00Z")
    monkeypatch.setenv("FTKIT_NOW", f"file:{clock}")
    for content in (b"first" * 1000, b"second" * 1000):
        (filled / "ledger.sqlite").write_bytes(content)
        assert Ledger(filled).jobs() == []
    first, second = aside(filled)
    assert second == f"{first}.1"
    assert (filled / first).read_bytes() == b"first" * 1000


def test_a_rebuilt_ledger_asks_for_an_import_until_it_has_had_one(filled: Path) -> None:
    (filled / "ledger.sqlite").write_bytes(b"x" * 5000)
    ledger = Ledger(filled)
    assert ledger.needs_import is True
    ledger.imported()
    assert Ledger(filled).needs_import is False
    assert Ledger(filled).rebuilt_at is not None


# --- while it is in use ---


def test_a_change_that_meets_damage_is_made_in_the_rebuilt_ledger(filled: Path) -> None:
    ledger = Ledger(filled)
    ledger.jobs()
    other = sqlite3.connect(ledger.path)
    other.execute("UPDATE intents SET scope = 'elsewhere' WHERE key = 'ftkjob004'")
    other.commit()
    other.close()
    assert ledger.move("ftkjob004", State.CLOSED, only_from=list(State)) is False  # it is gone
    ledger.change("ftkjob006", error="still works")
    assert ledger.job("ftkjob006").error == "still works"
    assert ledger.rebuilt_at is not None


def test_threads_go_on_with_the_rebuilt_ledger(filled: Path) -> None:
    ledger = Ledger(filled)
    ready, go = threading.Barrier(5), threading.Barrier(5)
    counts: list[int] = []

    def work() -> None:
        ledger.jobs()
        ready.wait()
        go.wait()
        ledger.tell("m", "after")
        counts.append(len(ledger.jobs()))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    ready.wait()
    other = sqlite3.connect(ledger.path)
    other.execute("UPDATE jobs SET stem = 'elsewhere' WHERE id = 'ftkjob004'")
    other.commit()
    other.close()
    assert len(ledger.jobs()) == JOBS - 1
    go.wait()
    for thread in threads:
        thread.join()
    assert counts == [JOBS - 1] * 4
    assert len(ledger.history("m")) == 4
    assert len(list(filled.glob("*.damaged.*[!a-z]"))) == 1


def test_of_many_processes_one_rebuilds_and_none_loses_a_change(filled: Path) -> None:
    turn(filled / "ledger.sqlite", b"fftkjob007")
    children = []
    for number in range(12):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                ledger = Ledger(filled)
                ledger.jobs()
                ledger.tell("m", str(number))
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 12
    assert len(Ledger(filled).history("m")) == 12
    assert len([name for name in aside(filled) if not name.endswith(("-wal", "-shm"))]) == 1


@pytest.mark.parametrize("step", range(6))
def test_a_rebuilding_that_ends_anywhere_is_finished_by_the_next_process(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    ledger = Ledger(home)
    fill(ledger, 12)
    copy = live_copy(ledger, tmp_path / "copy")
    turn(copy / "ledger.sqlite-wal", b"fftkjob007")
    moves = iter(range(100))
    rename, replace = Path.rename, Path.replace

    def stopping(move: object) -> object:
        def moved(self: Path, target: str | Path) -> Path:
            if next(moves) == step:
                raise KeyboardInterrupt
            return move(self, target)  # type: ignore[operator,no-any-return]

        return moved

    child = os.fork()
    if child == 0:
        try:
            monkeypatch.setattr(Path, "rename", stopping(rename))
            monkeypatch.setattr(Path, "replace", stopping(replace))
            Ledger(copy).jobs()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    rebuilt = Ledger(copy)
    assert len(rebuilt.jobs()) == 11
    assert rebuilt.rebuilt_at is not None
    assert not swapping.rebuilt_name(copy / "ledger.sqlite").exists()


def test_a_full_disk_while_rebuilding_moves_nothing(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn(filled / "ledger.sqlite", b"fftkjob007")
    before = (filled / "ledger.sqlite").read_bytes()

    def full(*_: object, **__: object) -> str:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(StorageError, match="No space left"):
        patch.setattr("ftkit.ledger.rebuilding.tempfile.mkdtemp", full)
        Ledger(filled).jobs()
    assert (filled / "ledger.sqlite").read_bytes() == before
    assert aside(filled) == []
    assert len(Ledger(filled).jobs()) == JOBS - 1


def test_a_ledger_that_is_damaged_again_at_once_is_a_typed_error(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(filled)
    monkeypatch.setattr("ftkit.ledger.sealing.seal", lambda table, row: os.urandom(8).hex())
    with pytest.raises(LedgerError, match="damaged again right after it was rebuilt"):
        ledger.jobs()


def test_rebuilding_leaves_no_file_open(filled: Path) -> None:
    if not Path("/proc/self/fd").exists():
        pytest.skip("needs a list of open files, as Linux has it")
    Ledger(filled).jobs()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        (filled / "ledger.sqlite").write_bytes(b"x" * 5000)
        Ledger(filled).jobs()
    assert len(os.listdir("/proc/self/fd")) <= before
