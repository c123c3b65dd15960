"""Of the processes that pay for the same thing, one at a time does it; the others then find what it made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ftkit.errors import StorageError

if TYPE_CHECKING:
    from filelock import BaseFileLock


@contextmanager
def one_at_a_time(home: Path, stem: str) -> Iterator[None]:
    """Hold the lock of one piece of work, waiting for it. The kernel frees it when its holder dies."""
    lock = _lock(home, stem)
    try:
        lock.acquire()
    except OSError as error:
        raise _cannot(home, error) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def held_for_life(home: Path, key: str) -> Iterator[bool]:
    """Mark something as used by this process; yields False where a living process uses it already.

    Ask only while the work's own lock is held: whoever finds it free has it for that moment.
    """
    with _unless_taken(home, f"{key}.use") as ours:
        yield ours


@contextmanager
def if_nobody_does(home: Path, stem: str) -> Iterator[bool]:
    """The lock of one piece of work without waiting; yields False where a living process has it."""
    with _unless_taken(home, stem) as ours:
        yield ours


def in_use(home: Path, stem: str, key: str) -> bool:
    """True where a living process is at work on this, or uses what was made."""
    with if_nobody_does(home, stem) as free:
        if not free:
            return True
        with held_for_life(home, key) as unused:
            return not unused


@contextmanager
def _unless_taken(home: Path, name: str) -> Iterator[bool]:
    from filelock import Timeout

    lock = _lock(home, name)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    except OSError as error:
        raise _cannot(home, error) from error
    try:
        yield True
    finally:
        lock.release()


def _lock(home: Path, name: str) -> BaseFileLock:
    from filelock import FileLock

    folder = home / "locks"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise _cannot(home, error) from error
    return FileLock(folder / f"{name.replace('/', '_')}.lock", mode=0o600)


def _cannot(home: Path, error: OSError) -> StorageError:
    return StorageError(
        f"cannot lock {home / 'locks'}: {error.strerror}; set FTKIT_HOME to a folder of yours"
    )
