"""A file lock that can be handed to a child process, so that a run is never without its owner.

The lock belongs to the open file, not to a process: whoever starts a trainer takes it and passes the open file down, and
the kernel frees it when the last holder is gone, however it went. Windows cannot pass it on: there the child takes it.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from ftkit import clock

_TRIES = 20  # `held` holds the lock for an instant; an owner must not give up because of it
CAN_HAND_OVER = os.name == "posix"


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that this process holds through an open file."""

    descriptor: int

    def release(self) -> None:
        """Close this process's copy; a child that got a copy still holds the lock."""
        os.close(self.descriptor)


def take(path: Path) -> Lock | None:
    """The lock, or None where somebody else has it."""
    for attempt in range(_TRIES):
        if attempt:
            clock.sleep(0.05)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if _lock(descriptor, shared=False):
            return Lock(descriptor)
        os.close(descriptor)
    return None


def adopt(descriptor: int) -> Lock:
    """The lock behind an open file that the parent process handed over; it is not handed on."""
    os.set_inheritable(descriptor, False)
    return Lock(descriptor)


def held(path: Path) -> bool:
    """True where some process has the lock, this one included."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _lock(descriptor, shared=True)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, *, shared: bool) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
