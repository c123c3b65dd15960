"""The ledger on disks that are full, fail, are locked, or belong to a network: typed errors, and it goes on afterwards."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from ftkit.errors import LedgerError, StorageError
from ftkit.ledger import Ledger, connections, file_systems, locks_proof
from ftkit.ledger.file_systems import is_shared, type_of
from ftkit.ledger.sealing import Tables
from tests.ledgers import add

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]


def pragma(ledger: Ledger, text: str) -> object:
    """Set or ask something of the connection that the ledger uses in this thread."""
    return ledger._file.read(lambda tables: tables.connection.execute(f"PRAGMA {text}").fetchone())


# --- errors ---


def test_a_full_disk_is_a_storage_error_and_leaves_what_was_there(home: Path) -> None:
    ledger = Ledger(home)
    before = add(ledger, "a")
    pragma(ledger, "max_page_count = 1")  # SQLite then answers as it does when the disk is full
    with pytest.raises(
        StorageError, match="no space left.*this change was not written.*Free some space"
    ):
        ledger.tell("a", "x" * 100_000)
    assert ledger.job("a") == before
    assert len(ledger.history("a")) == 1
    ledger.tell("a", "there is space again")
    assert ledger.rebuilt_at is None


@pytest.mark.skipif(resource is None, reason="needs a limit on file sizes, as Unix has it")
def test_a_failing_disk_is_a_storage_error_and_no_damage(home: Path) -> None:
    ledger = Ledger(home)
    before = add(ledger, "a")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(StorageError, match="the disk failed.*this change was not written"):
            ledger.tell("a", "x" * 400_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert ledger.job("a") == before
    ledger.tell("a", "the disk is back")
    assert [line.what for line in ledger.history("a")] == ["create prepared", "the disk is back"]
    assert not list(home.glob("*damaged*"))


def test_a_ledger_that_may_not_be_written_is_a_typed_error(home: Path) -> None:
    ledger = Ledger(home)
    add(ledger, "a")
    pragma(ledger, "query_only = ON")  # SQLite then answers as it does for a read-only file
    with pytest.raises(LedgerError, match="cannot be opened for writing.*FTKIT_HOME"):
        ledger.tell("a", "x")
    ledger.tell("a", "may be written again")


def test_a_ledger_that_stays_locked_is_a_typed_error(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "LOCK_TIMEOUT_S", 0.1)
    ledger = Ledger(home)
    add(ledger, "a")
    other = sqlite3.connect(ledger.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerError, match="locked by another program"):
        ledger.tell("a", "x")
    assert ledger.job("a").id == "a"
    other.execute("ROLLBACK")
    other.close()
    ledger.tell("a", "free again")


def test_the_first_error_is_told_where_undoing_fails_too(home: Path) -> None:
    ledger = Ledger(home)
    add(ledger, "a")

    def work(tables: Tables) -> None:
        tables.put("names", {"seq": 1, "name": "n", "job": "a"})
        tables.connection.close()
        raise LookupError("first")

    with pytest.raises(LookupError, match="first"):
        ledger._file.write(work)
    assert ledger.named() == []


# --- file systems ---


def test_the_longest_mount_point_decides(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    folder = tmp_path / "my data" / "deep"
    folder.mkdir(parents=True)
    (tmp_path / "link").symlink_to(folder)
    escaped = str(tmp_path / "my data").replace(" ", r"\040")
    mounts.write_text(
        "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        f"22 21 0:40 / {escaped} rw - nfs4 server:/export rw\n"
        f"23 21 0:41 / {tmp_path}/my rw master:2 - tmpfs tmpfs rw\n"
        "a line of another form\n"
    )
    assert type_of(tmp_path / "my data", mounts) == "nfs4"
    assert type_of(folder / "not made yet", mounts) == "nfs4"
    assert type_of(tmp_path / "link", mounts) == "nfs4"
    assert type_of(tmp_path / "my", mounts) == "tmpfs"
    assert type_of(tmp_path / "mystery", mounts) == "ext4"
    assert type_of(tmp_path, tmp_path / "no such list") is None


def test_the_later_of_two_mounts_on_one_point_decides(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        f"1 0 8:1 / {tmp_path} rw - ext4 /dev/a rw\n2 0 0:1 / {tmp_path} rw - cifs //b/c rw\n"
    )
    assert type_of(tmp_path, mounts) == "cifs"


@pytest.mark.parametrize(
    ("type", "shared"),
    [
        ("nfs", True), ("nfs4", True), ("smb3", True), ("9p", True), ("fuse.sshfs", True),
        ("fuse", True), ("ceph", True), ("lustre", True), ("ext4", False), ("fuseblk", False),
        ("tmpfs", False), ("overlay", False), (None, False),
    ],
)  # fmt: skip
def test_which_file_systems_are_shared(type: str | None, shared: bool) -> None:
    assert is_shared(type) is shared


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Say on which type of file system everything lies."""
    return lambda type: monkeypatch.setattr(file_systems, "type_of", lambda path: type)


def test_a_ledger_on_a_network_disk_needs_no_shared_memory(
    home: Path, on: Callable[[str], None]
) -> None:
    on("nfs4")
    ledger = Ledger(home)
    add(ledger, "a")
    assert pragma(ledger, "journal_mode") == ("delete",)
    assert pragma(ledger, "synchronous") == (3,)  # EXTRA
    assert {path.name for path in home.iterdir()} == {
        "ledger.sqlite",
        "ledger.exists",
        "ledger.lock",
    }


def test_a_ledger_on_a_local_disk_has_a_log_that_is_forced_to_disk(
    home: Path, on: Callable[[str], None]
) -> None:
    on("ext4")
    ledger = Ledger(home)
    assert pragma(ledger, "journal_mode") == ("wal",)
    assert pragma(ledger, "synchronous") == (2,)  # FULL


def test_a_ledger_that_was_copied_from_a_local_to_a_network_disk_is_converted(
    home: Path, tmp_path: Path, on: Callable[[str], None]
) -> None:
    on("ext4")
    local = Ledger(home)
    add(local, "a")
    copy = tmp_path / "network"
    shutil.copytree(home, copy)  # with the log, in which the job is
    on("fuse.sshfs")
    ledger = Ledger(copy)
    assert ledger.job("a") == local.job("a")
    assert pragma(ledger, "journal_mode") == ("delete",)
    assert not (copy / "ledger.sqlite-wal").exists()


def test_a_ledger_that_comes_back_to_a_local_disk_is_converted(
    home: Path, tmp_path: Path, on: Callable[[str], None]
) -> None:
    on("nfs")
    add(Ledger(home), "a")
    copy = tmp_path / "local"
    shutil.copytree(home, copy)
    on("xfs")
    ledger = Ledger(copy)
    assert ledger.job("a").id == "a"
    assert pragma(ledger, "journal_mode") == ("wal",)


def test_a_network_disk_without_locks_is_refused(
    home: Path, on: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    on("nfs")
    monkeypatch.setattr(locks_proof, "_seen_by_another", lambda scratch: "free")
    with pytest.raises(LedgerError, match="locks do not work.*Set FTKIT_HOME.*local disk"):
        Ledger(home).jobs()
    assert not (home / "ledger.sqlite").exists()
    on("ext4")
    assert Ledger(home).jobs() == []


def test_the_proof_of_locks_sees_a_lock_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    locks_proof.prove_locks(folder)
    assert not list(folder.iterdir())
    free = folder / "free"
    assert locks_proof._seen_by_another(free) == "free"
