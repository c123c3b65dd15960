"""A file that is there whole or not at all: written under a hidden name in the same folder, synced, then renamed.

A link is followed, so what it points to is replaced and not the link.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ftkit.errors import StorageError


@contextmanager
def whole_file(path: Path, ending: str, *, force: bool) -> Iterator[Path]:
    """A hidden file to fill, which has `ending` and becomes `path` when the block ends well, and is removed otherwise.

    Raises StorageError where `path` is there and `force` does not say to replace it, and for whatever the disk refuses.
    """
    try:
        place = Path(os.path.realpath(path))
        _refuse(path, place, force)
        hidden = place.with_name(f".ftkit-{secrets.token_hex(8)}{ending}")
        os.close(os.open(hidden, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        try:
            mode = stat.S_IMODE(place.stat().st_mode) if place.exists() else None
            if mode is not None:  # what others may not read they may not read on the way either
                hidden.chmod(mode | stat.S_IRUSR | stat.S_IWUSR)
            yield hidden
            _sync(hidden)
            if mode is not None:
                hidden.chmod(mode)
            _name(hidden, place, path, force)
        finally:
            hidden.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from error


def _refuse(path: Path, place: Path, force: bool) -> None:
    if place.is_dir():
        raise StorageError(f"cannot write {path}: it is a folder; name a file in it")
    if not place.parent.is_dir():
        raise StorageError(f"cannot write {path}: there is no folder {place.parent}")
    if place.exists() and not force:
        raise _there(path)


def _there(path: Path) -> StorageError:
    return StorageError(f"{path} is there already; force=True (--force) replaces it")


def _name(hidden: Path, place: Path, path: Path, force: bool) -> None:
    """A name given by a link is never taken from a file that came there meanwhile, as one given by a rename would be."""
    if force:
        hidden.replace(place)
    else:
        try:
            os.link(hidden, place)
        except FileExistsError as error:
            raise _there(path) from error
        except OSError:  # a file system without links
            if place.exists():
                raise _there(path) from None
            hidden.replace(place)
    if os.name == "posix":  # Windows has no such call for folders and needs none
        try:
            _sync(place.parent)
        except OSError as error:
            raise StorageError(
                f"{path} is written, but a power cut may undo it: {error.strerror}"
            ) from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
