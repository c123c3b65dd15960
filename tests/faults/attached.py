"""strace attached to a warm run that waits at its gate: which calls it makes, and what is left when it dies or fails at one.

A run that begins warm is over in a second, most of which a cold one needs for imports; so every call of it can be struck. A
SIGKILL falls on the call's entry: the call has certainly not happened.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from . import strace_log
from .strace import Errno
from .strace_log import Call, Categories
from .warm import Ended, Warm

FILE_CALLS = (
    "write", "pwrite64", "writev", "ftruncate", "fallocate", "fsync", "fdatasync", "rename", "renameat", "renameat2", "link",
    "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir",
)  # fmt: skip
_ATTACHES_WITHIN_S = 30.0
# as the warm process does for its runs: Yama lets a process be traced by a stranger only where it says so itself
_ALLOW = "import ctypes; ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)"
_LOOKS_EVERY_S = 0.0005
Point = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Traced:
    """How a run ended, and its calls in their order; the last one is where it was killed."""

    ended: Ended
    calls: tuple[Call, ...]


def traced(warm: Warm, arguments: Sequence[str], categories: Categories) -> Traced:
    """An undisturbed run."""
    return _run(warm, arguments, FILE_CALLS, [], categories)


def killed(warm: Warm, arguments: Sequence[str], point: Point, categories: Categories) -> Traced:
    """A run that is killed where a thread of it enters its n-th such call."""
    syscall, n = point
    return _run(warm, arguments, [syscall], [f"{syscall}:signal=SIGKILL:when={n}"], categories)


def failing(
    warm: Warm,
    arguments: Sequence[str],
    point: Point,
    error: Errno,
    categories: Categories,
    *,
    for_good: bool = False,
    until: Callable[[], bool] | None = None,
) -> Traced:
    """A run whose n-th such call fails, or, `for_good`, every one from the n-th on; killed as soon as `until` is true."""
    syscall, n = point
    when = f"{n}+" if for_good else f"{n}"
    stroke = f"{syscall}:error={error}:when={when}"
    return _run(warm, arguments, [syscall], [stroke], categories, until)


def kill_when(pid: int, until: Callable[[], bool]) -> None:
    """Kill a run that was started and is still to be waited for, as soon as `until` is true."""
    while not until():
        time.sleep(_LOOKS_EVERY_S)
    os.kill(pid, signal.SIGKILL)


def unavailable() -> str | None:
    """Why strace cannot be attached here, as a reason to skip."""
    willing = [sys.executable, "-c", f"{_ALLOW}; import time; time.sleep(60)"]
    with subprocess.Popen(willing) as sleeper, TemporaryDirectory() as folder:
        try:
            with _attached(sleeper.pid, Path(folder) / "log", ["write"], []):
                sleeper.kill()
        except FileNotFoundError:
            return "strace is not installed"
        except RuntimeError as error:
            return str(error)
        finally:
            sleeper.kill()
    return None


def _run(
    warm: Warm,
    arguments: Sequence[str],
    syscalls: Sequence[str],
    strokes: Sequence[str],
    categories: Categories,
    until: Callable[[], bool] | None = None,
) -> Traced:
    pid = warm.start(arguments)
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with _attached(pid, log, syscalls, strokes):
            warm.go()
            if until is not None:
                kill_when(pid, until)
            ended = warm.wait(pid)
        text = log.read_text("ascii", "backslashreplace")
    return Traced(ended, tuple(strace_log.calls(text, pid, Path("/"), categories)))


@contextmanager
def _attached(
    pid: int, log: Path, syscalls: Sequence[str], strokes: Sequence[str]
) -> Iterator[None]:
    command = ["strace", "-f", "-yy", "-s", "0", "-o", str(log), "-p", str(pid)]
    command += ["-e", f"trace={','.join(syscalls)}"]
    for stroke in strokes:
        command += ["-e", f"inject={stroke}"]
    until = time.monotonic() + _ATTACHES_WITHIN_S / (1 if strokes else 10)
    while True:  # the run may not have allowed it yet
        said = log.with_name("said")
        with said.open("wb") as errors:
            strace = subprocess.Popen(command, stdout=errors, stderr=errors)
        while not _traced(pid) and strace.poll() is None and time.monotonic() < until:
            time.sleep(_LOOKS_EVERY_S)
        if _traced(pid):
            break
        strace.kill()
        strace.wait()
        words = said.read_text(errors="replace").strip()
        if time.monotonic() > until:
            raise RuntimeError(f"strace cannot be attached here: {words[:200]}")
    try:
        yield
        strace.wait(_ATTACHES_WITHIN_S)
    finally:
        if strace.poll() is None:
            strace.send_signal(signal.SIGTERM)  # it lets go of what it traces
            strace.wait()


def _traced(pid: int) -> bool:
    """True where a tracer has the process; that of another container is seen as 0."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
    return "\nTracerPid:\t0\n" not in status
