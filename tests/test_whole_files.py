"""Files that appear whole or not at all, one or several together, and what is said where they cannot."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ftkit import whole_files as module
from ftkit.errors import ConfigError, StorageError
from ftkit.whole_files import refuse_taken, whole_files

A, B = Path("a.jsonl"), Path("b.jsonl")
OLD = {"a.jsonl": b"old a", "b.jsonl": b"old b"}
NEW = {"a.jsonl": b"new", "b.jsonl": b"new"}


def state() -> dict[str, bytes]:
    """All that lies in the working folder, hidden files too."""
    return {path.name: path.read_bytes() for path in Path().iterdir() if path.is_file()}


def there() -> None:
    for name, content in OLD.items():
        Path(name).write_bytes(content)


def write(*paths: Path, force: bool = False, mode: int | None = None) -> None:
    with whole_files(paths, force=force, mode=mode) as files:
        for one in files:
            one.write(b"new")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def failing(name: str, *at: int, error: int = errno.ENOSPC) -> Iterator[Callable[[], int]]:
    """These calls of a function of `os` fail; gives how many calls there were."""
    real, count = getattr(os, name), 0

    def fails(*arguments: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        if count in at:
            raise OSError(error, os.strerror(error))
        return real(*arguments, **options)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module.os, name, fails)
        yield lambda: count


def test_files_get_their_names_at_the_end() -> None:
    with whole_files((A, B)) as files:
        files[0].write(b"1")
        files[0].flush()
        assert files[0].hidden.read_bytes() == b"1" and files[0].hidden.parent == Path.cwd()
        assert not A.exists() and not B.exists()
    assert state() == {"a.jsonl": b"1", "b.jsonl": b""}


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("rows.v1.jsonl.gz", ".jsonl.gz"),
        (".jsonl", ".jsonl"),
        ("rows", ""),
        (f"a.{'x' * 240}.jsonl", ".jsonl"),
    ],
)
def test_a_hidden_name_ends_as_the_name_does(name: str, ending: str) -> None:
    with whole_files((Path(name),)) as (file,):
        assert file.hidden.name.startswith(".ftkit-") and file.hidden.name.endswith(ending)
    assert list(state()) == [name]


@pytest.mark.parametrize("force", [False, True])
def test_an_exception_leaves_nothing(force: bool) -> None:
    if force:
        A.write_bytes(b"old")
    before = state()
    with pytest.raises(KeyboardInterrupt), whole_files((A, B), force=force) as files:
        files[0].write(b"x" * 3_000_000)
        raise KeyboardInterrupt
    assert state() == before


def test_a_file_that_is_there_is_replaced_with_force_only() -> None:
    A.write_bytes(b"old")
    said = "a.jsonl is there already; force=True or --force replaces it"
    with pytest.raises(StorageError, match=said):
        write(B, A)
    with pytest.raises(StorageError, match=said):
        refuse_taken(A, force=False)
    assert state() == {"a.jsonl": b"old"}
    write(B, A, force=True)
    assert state() == NEW


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_somebody_writes_meanwhile_is_not_replaced(links: bool) -> None:
    with (
        failing("link", *([] if links else [1, 2]), error=errno.EPERM),
        pytest.raises(StorageError, match="b.jsonl is there already"),
        whole_files((A, B)),
    ):
        B.write_bytes(b"theirs")
    assert state() == {"b.jsonl": b"theirs"}


def test_a_file_that_somebody_put_in_place_of_ours_is_not_taken_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = os.link

    def link(old: Path, new: Path) -> None:
        if new.name == "b.jsonl":
            Path("theirs").write_bytes(b"theirs")
            os.replace("theirs", A)
            raise FileExistsError
        real(old, new)

    monkeypatch.setattr(module.os, "link", link)
    with pytest.raises(StorageError, match="b.jsonl is there already"):
        write(A, B)
    assert state() == {"a.jsonl": b"theirs"}


def test_one_file_is_not_written_twice() -> None:
    B.symlink_to(A)
    for second in (A, Path("x/../a.jsonl"), B):
        Path("x").mkdir(exist_ok=True)
        with pytest.raises(ConfigError, match="a.jsonl and .* would be the same file; name two"):
            write(A, second, force=True)
    assert state() == {}


# --- links, folders, modes ---


@pytest.mark.parametrize("goal", ["a file", "nothing"])
def test_a_link_is_followed_and_stays(goal: str) -> None:
    Path("folder").mkdir()
    A.symlink_to("folder/it")
    if goal == "a file":
        Path("folder/it").write_bytes(b"old")
        with pytest.raises(StorageError, match="a.jsonl is there already"):
            write(A)
    write(A, force=goal == "a file")
    assert A.is_symlink() and Path("folder/it").read_bytes() == b"new"
    assert [path.name for path in Path("folder").iterdir()] == ["it"]


def test_links_that_lead_in_a_circle_are_said() -> None:
    A.symlink_to(B)
    B.symlink_to(A)
    with pytest.raises(StorageError, match="its links lead in a circle"):
        write(A, force=True)
    assert A.is_symlink() and B.is_symlink()


def test_a_folder_and_a_missing_one_are_said() -> None:
    Path("folder").mkdir()
    with pytest.raises(StorageError, match="cannot write folder: it is a folder; name a file in"):
        write(Path("folder"), force=True)
    with pytest.raises(StorageError, match="cannot write no/a.jsonl: there is no folder no$"):
        write(Path("no/a.jsonl"))
    A.symlink_to("nowhere/a.jsonl")
    with pytest.raises(StorageError, match="there is no folder .*/nowhere$"):
        write(A)


def test_a_device_is_never_replaced() -> None:
    os.mkfifo("pipe.jsonl")
    with pytest.raises(StorageError, match="it is a device or a pipe, and no file"):
        write(Path("pipe.jsonl"), force=True)
    assert stat.S_ISFIFO(Path("pipe.jsonl").stat().st_mode)


def test_who_may_read_a_file_stays_as_it_was() -> None:
    A.touch()
    A.chmod(0o640)
    with whole_files((A,), force=True) as (file,):
        assert mode_of(file.hidden) == 0o600
    assert mode_of(A) == 0o640
    A.chmod(0o444)
    write(A, force=True)
    assert mode_of(A) == 0o444


def test_a_new_file_has_the_usual_mode() -> None:
    Path("usual").touch()
    write(A)
    assert mode_of(A) == mode_of(Path("usual"))


@pytest.mark.parametrize(("before", "after"), [(None, 0o600), (0o644, 0o600), (0o400, 0o400)])
def test_nobody_may_more_than_the_mode_that_is_given(before: int | None, after: int) -> None:
    if before is not None:
        A.touch()
        A.chmod(before)
    write(A, force=True, mode=0o600)
    assert mode_of(A) == after


# --- whatever fails ---


@pytest.mark.parametrize("call", ["fsync", "open"])
@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize("force", [False, True])
def test_whatever_fails_all_is_as_it_was(call: str, at: int, force: bool) -> None:
    if force:
        there()
    before = state()
    name = ("a", "b")[at - 1]
    with failing(call, at), pytest.raises(StorageError, match=f"write {name}.jsonl: No space left"):
        write(A, B, force=force)
    assert state() == before


@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize("first", [False, True], ids=["nothing there", "the first is there"])
@pytest.mark.parametrize("links", [True, False])
def test_where_one_name_cannot_be_given_those_before_it_are_taken_back(
    at: int, first: bool, links: bool
) -> None:
    if first:
        A.write_bytes(b"old a")
        A.chmod(0o640)
    before = state()
    with (
        failing("link", *([] if links else [1, 2]), error=errno.EPERM),
        failing("replace", at),
        pytest.raises(StorageError, match="cannot write .*No space left"),
    ):
        write(A, B, force=True)
    assert state() == before
    assert not first or mode_of(A) == 0o640


@pytest.mark.parametrize("at", [1, 2])
def test_where_a_free_name_cannot_be_taken_those_before_it_are_given_back(at: int) -> None:
    with (
        failing("link", 1, 2, error=errno.EPERM),
        failing("replace", at),
        pytest.raises(StorageError, match="cannot write .*No space left"),
    ):
        write(A, B)
    assert state() == {}


@pytest.mark.parametrize("force", [False, True])
def test_on_a_file_system_without_links_files_are_written_all_the_same(force: bool) -> None:
    if force:
        there()
    with failing("link", 1, 2, error=errno.EPERM) as calls:
        write(A, B, force=force)
    assert calls() == 2 and state() == NEW


@pytest.mark.parametrize("behind", ["a.jsonl", "b.jsonl"])
def test_an_interrupt_behind_a_name_takes_all_back(
    behind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there()
    real = os.replace

    def interrupted(old: Path, new: Path) -> None:
        real(old, new)
        if new.name == behind and old.suffix:  # not that which takes back
            raise KeyboardInterrupt

    monkeypatch.setattr(module.os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(A, B, force=True)
    assert state() == OLD


def test_what_could_not_be_taken_back_is_told_and_the_old_file_is_kept() -> None:
    there()
    with failing("replace", 2, 3), pytest.raises(StorageError) as caught:
        write(A, B, force=True)
    said = str(caught.value)
    assert said.startswith("cannot write b.jsonl: No space left on device; a.jsonl is written all")
    kept = Path(said.rpartition("what was there before is ")[2])
    assert state() == {"a.jsonl": b"new", "b.jsonl": b"old b", kept.name: b"old a"}


def test_a_folder_that_cannot_be_synced_is_told_and_the_files_are_there() -> None:
    said = "a.jsonl and b.jsonl: written, but a power cut may undo it"
    with failing("fsync", 3, error=errno.EIO), pytest.raises(StorageError, match=said):
        write(A, B)
    assert state() == NEW


@pytest.mark.parametrize("force", [False, True])
def test_bytes_and_names_are_synced(force: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []

    def fsync(descriptor: int) -> None:
        found = os.fstat(descriptor)
        names = sorted(
            path.name for path in Path().iterdir() if path.samefile(f"/proc/self/fd/{descriptor}")
        )
        synced.append("folder" if stat.S_ISDIR(found.st_mode) else names[0][:7])
        if stat.S_ISDIR(found.st_mode):
            assert state() == NEW  # the names are given, and nothing is hidden any more

    monkeypatch.setattr(module.os, "fsync", fsync)
    write(A, B, force=force)
    assert synced == [".ftkit-", ".ftkit-", "folder"]
