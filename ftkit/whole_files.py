"""Files that are there whole or not at all, several together: written under hidden names beside their places, synced, then named.

Where one cannot get its name those before it are taken back. Only a kill between two names leaves the first one new and
the next one old. A link is followed, so what it points to is replaced and not the link.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ftkit.errors import ConfigError, StorageError

_BINARY = getattr(os, "O_BINARY", 0)
_LONGEST_ENDING = 32  # characters; the hidden name must not be too long where the name is not


@dataclass(slots=True)
class WholeFile:
    """A file on its way to `path`. `hidden` ends as `path` does, so that a reader takes it for what it will be."""

    path: Path
    hidden: Path
    _place: Path  # where the links lead
    _file: BinaryIO
    _identity: tuple[int, int]  # device and number, by which it is known under any name
    _mode: int | None  # that it gets at the end
    _aside: Path | None = None  # what it replaces, while that may have to come back

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        """All of it; raises StorageError."""
        try:
            return self._file.write(data)
        except OSError as error:
            raise _failed(error, self.path) from error

    def flush(self) -> None:
        """What was written can be read in `hidden`; raises StorageError."""
        with _told(self.path):
            self._file.flush()

    def _finish(self) -> None:
        with _told(self.path):
            if self._mode is not None:
                self.hidden.chmod(self._mode)
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()

    def _discard(self) -> None:
        """What was hidden goes; suppressed is what a full disk says of bytes that are given up."""
        with suppress(OSError):
            self._file.close()
        for left in (self.hidden, self._aside):
            with suppress(OSError):
                if left is not None:
                    left.unlink(missing_ok=True)


@contextmanager
def whole_files(
    paths: Sequence[Path], *, force: bool = False, mode: int | None = None
) -> Iterator[list[WholeFile]]:
    """A file to write for each path; all get their names when the block ends well, and none does otherwise.

    What is replaced keeps its mode, a new file has the usual one, and neither allows more than `mode` where that is given.
    Raises StorageError where a path is there (without `force`) or cannot be written, ConfigError where two are one file.
    """
    for path in paths:
        refuse_taken(path, force)
    _refuse_one_twice(paths)
    files: list[WholeFile] = []
    try:
        with _told(*paths):
            for path in paths:
                files.append(_opened(path, mode))
            yield files
            for one in files:
                one._finish()
            _name_all(files, force)
    finally:
        for one in files:
            one._discard()
    _sync_folders(files)


def refuse_taken(path: Path, force: bool) -> None:
    """Raise StorageError for a path that may not be written to."""
    with _told(path):
        place = _place(path)
        if place.is_dir():
            raise StorageError(f"cannot write {path}: it is a folder; name a file in it")
        for folder in (path.parent, place.parent):
            if not folder.is_dir():
                raise StorageError(f"cannot write {path}: there is no folder {folder}")
        if place.is_symlink():
            raise StorageError(f"cannot write {path}: its links lead in a circle")
        if path.exists():
            if not force:
                raise _there(path)
            if not path.is_file():
                raise StorageError(f"cannot write {path}: it is a device or a pipe, and no file")


def _refuse_one_twice(paths: Sequence[Path]) -> None:
    places: dict[Path, Path] = {}
    for path in paths:
        place = _place(path)
        if place in places:
            raise ConfigError(f"{places[place]} and {path} would be the same file; name two")
        places[place] = path


def _place(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _opened(path: Path, mode: int | None) -> WholeFile:
    place = _place(path)
    ending = "".join(Path(f"_{path.name}").suffixes[-2:])[-_LONGEST_ENDING:]
    hidden = place.with_name(f".ftkit-{secrets.token_hex(8)}{ending}")
    with _told(path):
        before = stat.S_IMODE(place.stat().st_mode) if place.exists() else None
        if before is None:
            final, first = None, 0o666 if mode is None else mode
        else:  # what others may not read they may not read on the way either
            final, first = before if mode is None else before & mode, 0o600
        descriptor = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, first)
        made = os.fstat(descriptor)
    identity = made.st_dev, made.st_ino
    return WholeFile(
        path, hidden, place, open(descriptor, "wb", buffering=1 << 20), identity, final
    )


def _name_all(files: Sequence[WholeFile], force: bool) -> None:
    try:
        for one in files:
            with _told(one.path):
                if force:
                    _replace(one, keep=len(files) > 1)
                else:
                    _take_free_name(one)
    except BaseException as error:
        if len(files) > 1:
            stuck = [text for one in files if (text := _taken_back(one))]
            if stuck:
                raise StorageError("; ".join([str(error), *stuck])) from error
        raise


def _replace(one: WholeFile, keep: bool) -> None:
    if keep and one._place.exists():
        one._aside = one._place.with_name(f".ftkit-{secrets.token_hex(8)}")
        try:
            os.link(one._place, one._aside)
        except OSError:  # a file system without links
            os.close(os.open(one._aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            shutil.copy2(one._place, one._aside)
    os.replace(one.hidden, one._place)


def _take_free_name(one: WholeFile) -> None:
    """A name given by a link is never taken from a file that came there meanwhile, as one given by a rename would be."""
    try:
        os.link(one.hidden, one._place)
    except FileExistsError as error:
        raise _there(one.path) from error
    except OSError:  # a file system without links: an empty file holds the name
        try:
            os.close(os.open(one._place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError as error:
            raise _there(one.path) from error
        try:
            os.replace(one.hidden, one._place)
        except BaseException:
            one._place.unlink()
            raise


def _has_name(one: WholeFile) -> bool:
    """Told by what lies there, as somebody else may have put a file there since."""
    if not one._place.exists():
        return False
    found = one._place.stat()
    return (found.st_dev, found.st_ino) == one._identity


def _taken_back(one: WholeFile) -> str | None:
    """Undo the name, if it was given; what to say where that fails."""
    try:
        if _has_name(one):
            if one._aside is None:
                one._place.unlink()
            else:
                os.replace(one._aside, one._place)
    except OSError as error:
        aside, one._aside = one._aside, None
        before = f"; what was there before is {aside}" if aside else ""
        return f"{one.path} is written all the same and could not be taken back: {error.strerror}{before}"
    return None


def _sync_folders(files: Sequence[WholeFile]) -> None:
    """Make the names survive a power cut; Windows has no such call and needs none."""
    if os.name != "posix":
        return
    for folder in dict.fromkeys(one._place.parent for one in files):
        try:
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            names = _names(one.path for one in files)
            raise StorageError(
                f"{names}: written, but a power cut may undo it: {error.strerror}"
            ) from error


def _there(path: Path) -> StorageError:
    return StorageError(f"{path} is there already; force=True or --force replaces it")


@contextmanager
def _told(*paths: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _failed(error, *paths) from error


def _failed(error: OSError, *paths: Path) -> StorageError:
    return StorageError(f"cannot write {_names(paths)}: {error.strerror or error}")


def _names(paths: Iterable[Path]) -> str:
    return " and ".join(map(str, paths))
