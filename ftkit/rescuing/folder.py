"""The folder of a rescue: one process at a time writes in it, and a file bears its name only once it is whole."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ftkit.errors import ConfigError, StorageError
from ftkit.rescuing.manifest import NAME, Kept, Manifest

_LOCK = ".lock"
_PIECE = 1 << 20


class Folder:
    """A folder that is locked; made by `opened`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest = Manifest(path)
        self.fetched = 0

    def holds(self, path: str) -> bool:
        """True where the file is whole: it never needs to be fetched again."""
        place = self.path / path
        kept = self.manifest.files.get(path)
        return kept is not None and place.is_file() and place.stat().st_size == kept.size

    def found(self, path: str, id: str) -> bool:
        """Take up a file that got its name right before a kill, and is in no line of the manifest."""
        place = self.path / path
        if path in self.manifest.files or not place.is_file():
            return False
        self._note(path, id, None)
        return True

    def keep(self, path: str, id: str, fill: Callable[[Path], str | None]) -> None:
        """Let `fill` write a file under a hidden name, then give it its own; `fill` returns the provider's name of it."""
        place = self.path / path
        hidden = _hidden(place)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            name = fill(hidden)
        except BaseException:
            hidden.unlink(missing_ok=True)
            raise
        _publish(hidden, place)
        self.fetched += 1
        self._note(path, id, name)

    def write(self, path: str, text: str) -> None:
        """Replace a file of our own writing at once."""
        place = self.path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        hidden = _hidden(place)
        hidden.write_bytes(text.encode(errors="backslashreplace"))
        _publish(hidden, place)

    def _note(self, path: str, id: str, name: str | None) -> None:
        place, total = self.path / path, hashlib.sha256()
        with place.open("rb") as file:
            while piece := file.read(_PIECE):
                total.update(piece)
        self.manifest.add_file(Kept(path, id, name, place.stat().st_size, total.hexdigest()))


@contextmanager
def opened(path: Path) -> Iterator[Folder]:
    """The folder, made where it is not there; raises ConfigError for one with something else in it."""
    from filelock import FileLock, Timeout

    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        strange = [one.name for one in path.iterdir() if not one.name.startswith(".")]
        if strange and not (path / NAME).exists():
            raise ConfigError(
                f"{path} holds {strange[0]!r} and no {NAME}: it is not the folder of a rescue; give one that is empty"
            )
        lock = FileLock(path / _LOCK)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise StorageError(
            f"another rescue is writing in {path}; wait for its end, or give another folder"
        ) from error
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error
    try:
        for left in path.rglob(".*.part"):  # of a kill
            left.unlink()
        yield Folder(path)
    except OSError as error:
        raise StorageError(
            f"cannot write in {path}: {error.strerror or error}; what is whole stays, and the same command goes on"
        ) from error
    finally:
        lock.release()


def _hidden(place: Path) -> Path:
    return place.with_name(f".{place.name}.part")


def _publish(hidden: Path, place: Path) -> None:
    """Onto the disk first, then under its name: a power cut leaves the whole file or none."""
    _sync(hidden)
    hidden.replace(place)
    if os.name == "posix":  # Windows has no such call for folders and needs none
        _sync(place.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
