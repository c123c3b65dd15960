"""Files that appear whole or not at all: written under hidden names in their own folders, synced, then renamed.

Several together: where one cannot get its name, those before it are taken back, and what stood there before is back.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ftkit.errors import StorageError

_BINARY = getattr(os, "O_BINARY", 0)


@dataclass(slots=True)
class Fresh:
    """A file on its way to `path`; `hidden` has the same endings, so that a reader takes it for what it will be."""

    path: Path
    hidden: Path
    file: BinaryIO
    before: Path | None = None  # what stood there, aside
    named: bool = False


@contextmanager
def fresh_files(
    paths: Sequence[Path], *, force: bool = False, mode: int = 0o666
) -> Iterator[list[Fresh]]:
    """A new file for each path, open for writing; all get their names at the end, and none does after an exception.

    `mode` is narrowed by the umask. Raises StorageError where a path is taken and `force` is not given, is a folder, or
    cannot be written.
    """
    for path in paths:
        refuse_taken(path, force)
    files: list[Fresh] = []
    try:
        for path in paths:
            files.append(_opened(path, mode))
        yield files
        for one in files:
            with _told(one.path):
                one.file.flush()
                os.fsync(one.file.fileno())
                one.file.close()
        try:
            for one in files:
                with _told(one.path):
                    _name(one, force)
        except BaseException:
            for one in files:
                _take_back(one)
            raise
        for folder in {one.path.parent for one in files}:
            _sync(folder)
    finally:
        for one in files:
            with suppress(OSError):  # the disk may be full; what is written of it is given up
                one.file.close()
            for left in (one.hidden, one.before):
                with suppress(OSError):
                    if left is not None:
                        left.unlink(missing_ok=True)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from error


def refuse_taken(path: Path, force: bool) -> None:
    """Raise StorageError for a path that may not be written to."""
    if path.is_dir():
        raise StorageError(f"{path} is a folder; name a file in it")
    if os.path.lexists(path) and not force:
        raise StorageError(f"{path} is there already; pass force=True or --force to overwrite it")


def _opened(path: Path, mode: int) -> Fresh:
    hidden = path.with_name(f".{os.urandom(4).hex()}.{path.name}")
    with _told(path):
        descriptor = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, mode)
    return Fresh(path, hidden, open(descriptor, "wb", buffering=1 << 20))


def _name(one: Fresh, force: bool) -> None:
    if not force:
        _link(one.hidden, one.path)
    else:
        if one.path.exists():
            aside = one.path.with_name(f".{os.urandom(4).hex()}.{one.path.name}")
            one.before = aside
            _link(one.path, aside)
        os.replace(one.hidden, one.path)
    one.named = True


def _link(old: Path, new: Path) -> None:
    """A second name that nobody has yet; where a file system knows no such thing, a copy."""
    try:
        os.link(old, new, follow_symlinks=False)
    except FileExistsError as error:
        raise StorageError(f"{new} has been written by somebody else meanwhile") from error
    except (OSError, NotImplementedError):
        shutil.copy2(old, new, follow_symlinks=False)


def _take_back(one: Fresh) -> None:
    if not one.named:
        return
    with suppress(OSError):
        if one.before is not None:
            os.replace(one.before, one.path)
        else:
            one.path.unlink()


def _sync(folder: Path) -> None:
    """Make the names survive a power cut; Windows has no such call and needs none."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
