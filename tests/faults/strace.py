"""A command under strace: which system calls it makes, and what is left when it dies or fails at one.

`when=N` counts entries per system call and per thread (tracee), also where one expression names
several calls (strace 6.1, by experiment).
`inject=...:signal=` does nothing at all under `--seccomp-bpf`, which makes a run some four times
faster. So a kill is a long delay at the call, seen in the log, and our own SIGKILL: the call has
then certainly not happened (`before=True`) or certainly happened (`before=False`).
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from . import strace_log
from .strace_log import Call, Categories

SYSCALLS = (
    "write",
    "pwrite64",
    "writev",
    "ftruncate",
    "fsync",
    "fdatasync",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "connect",
    "sendto",
    "sendmsg",
    "recvfrom",
    "recvmsg",
)
Errno = Literal["ENOSPC", "EIO"]
_HOLD = "120s"  # how long a struck thread is held; the kill comes within milliseconds


@dataclass(frozen=True, slots=True)
class Trace:
    """An uninterrupted run: every call in the order of the log, and how the command ended."""

    calls: tuple[Call, ...]
    returncode: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, slots=True)
class Killed:
    """`hit`: a process was killed at that very call. `struck` is the call, None if never reached.

    `returncode` is the command's own: -9 when it was the one killed (a child process may be).
    """

    hit: bool
    returncode: int
    stderr: bytes
    struck: Call | None


@dataclass(frozen=True, slots=True)
class Failed:
    """`hit`: the n-th call was reached and failed. `struck` lists the calls that failed.

    They are more than one where several threads make n calls: each thread is counted for itself.
    """

    hit: bool
    returncode: int
    stdout: bytes
    stderr: bytes
    struck: tuple[Call, ...]


def unavailable() -> str | None:
    """Why strace cannot be used here, as a reason to skip; None when it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(
        ["strace", "-D", "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=write", "true"],
        capture_output=True,
        check=False,
        timeout=30,
    )
    if tried.returncode or b"strace:" in tried.stderr:
        return f"strace may not trace here: {tried.stderr.decode(errors='replace').strip()[:200]}"
    return None


def trace(
    command: Sequence[str],
    env: Mapping[str, str],
    cwd: Path,
    syscalls: Sequence[str] = SYSCALLS,
    categories: Categories = (),
    timeout_s: float = 120,
) -> Trace:
    """Run the command undisturbed and list its calls.

    A call that no category claims is `output`, `socket` or `other`. The environment should hold
    PYTHONDONTWRITEBYTECODE=1, or the first run writes files that later runs do not.
    Raises subprocess.TimeoutExpired after killing the command.
    """
    run = _run(command, env, cwd, [f"trace={','.join(syscalls)}"], timeout_s)
    calls = strace_log.calls(run.log, run.pid, cwd, categories)
    return Trace(tuple(calls), run.returncode, run.stdout, run.stderr)


def kill_points(trace: Trace, categories: Sequence[str]) -> list[tuple[str, int]]:
    """(syscall, n) of every call in these categories, once each, the main thread's first.

    A point names no thread: see `shadowed`. `Killed.struck` tells which call it was.
    """
    ordered = sorted(trace.calls, key=lambda call: call.thread != 0)
    return list(
        dict.fromkeys((call.syscall, call.n) for call in ordered if call.category in categories)
    )


def shadowed(trace: Trace, categories: Sequence[str]) -> int:
    """How many calls in these categories have no kill point that is surely theirs.

    They are calls of other threads where a lower-numbered thread has the same (syscall, n), in
    any category: the kill falls on whichever thread gets there first. 0 means nothing was skipped.
    """
    first: dict[tuple[str, int], int] = {}
    for call in trace.calls:
        point = (call.syscall, call.n)
        first[point] = min(call.thread, first.get(point, call.thread))
    return sum(
        call.thread != first[call.syscall, call.n]
        for call in trace.calls
        if call.category in categories
    )


def run_killed(
    command: Sequence[str],
    env: Mapping[str, str],
    cwd: Path,
    syscall: str,
    n: int,
    timeout_s: float,
    *,
    before: bool = True,
    categories: Categories = (),
) -> Killed:
    """SIGKILL the process whose thread first makes its n-th such call, before it or just after it.

    Only the process of that thread dies; its parent and children go on, untraced.
    Raises subprocess.TimeoutExpired, after killing the command, when it runs longer.
    """
    delay = "delay_enter" if before else "delay_exit"
    expressions = [f"trace={syscall}", f"inject={syscall}:{delay}={_HOLD}:when={n}"]

    def reached(log: str) -> int | None:
        if not before:
            return strace_log.held(log)
        begun = strace_log.entries(log)
        return next((thread for thread, count in begun.items() if count >= n), None)

    run = _run(command, env, cwd, expressions, timeout_s, reached)
    struck = None
    if run.struck is not None and (run.struck.process != run.pid or run.returncode == -9):
        calls = strace_log.calls(run.log, run.pid, cwd, categories)
        numbers = strace_log.threads(run.log, run.pid)
        struck = next(c for c in calls if (c.thread, c.n) == (numbers[run.struck.thread], n))
    return Killed(struck is not None, run.returncode, run.stderr, struck)


def run_failing(
    command: Sequence[str],
    env: Mapping[str, str],
    cwd: Path,
    syscall: str,
    n: int,
    error: Errno,
    timeout_s: float,
    *,
    categories: Categories = (),
) -> Failed:
    """Let the n-th such call of each thread fail with `error`; it has no effect, the rest have.

    Raises subprocess.TimeoutExpired, after killing the command, when it runs longer.
    """
    expressions = [f"trace={syscall}", f"inject={syscall}:error={error}:when={n}"]
    run = _run(command, env, cwd, expressions, timeout_s)
    numbers = strace_log.threads(run.log, run.pid)
    failed = {numbers[thread] for thread in strace_log.failed(run.log)}
    calls = strace_log.calls(run.log, run.pid, cwd, categories)
    struck = tuple(call for call in calls if call.n == n and call.thread in failed)
    return Failed(bool(struck), run.returncode, run.stdout, run.stderr, struck)


@dataclass(frozen=True, slots=True)
class _Struck:
    thread: int
    process: int


@dataclass(frozen=True, slots=True)
class _Run:
    log: str
    pid: int
    returncode: int
    stdout: bytes
    stderr: bytes
    struck: _Struck | None


def _run(
    command: Sequence[str],
    env: Mapping[str, str],
    cwd: Path,
    expressions: Sequence[str],
    timeout_s: float,
    reached: Callable[[str], int | None] = lambda log: None,
) -> _Run:
    """Run under strace, read its log as it grows, and kill the thread that `reached` names.

    With -D the command is our own child and strace is not: the exit status is the command's. Its
    output goes to files, so that a child that outlives it cannot keep us waiting at a pipe.
    """
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as out:
        fifo = f"{folder}/log"
        os.mkfifo(fifo)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        options = ["-D", "-f", "--seccomp-bpf", "-yy", "-s", "0", "-o", fifo]
        for expression in expressions:
            options += ["-e", expression]
        with tempfile.TemporaryFile() as err:
            process = subprocess.Popen(
                ["strace", *options, "--", *command],
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,  # one group to kill when time is up
            )
            late = threading.Event()

            def stop() -> None:
                late.set()
                os.killpg(process.pid, signal.SIGKILL)

            watchdog = threading.Timer(timeout_s, stop)
            watchdog.start()
            try:
                log, struck = _follow(reader, process.pid, reached)
                returncode = process.wait()
            finally:
                watchdog.cancel()
                os.close(reader)
            if late.is_set():
                raise subprocess.TimeoutExpired(list(command), timeout_s)
            out.seek(0)
            err.seek(0)
            stdout, stderr = out.read(), err.read()
            if returncode and not log and stderr.startswith(b"strace: "):
                raise RuntimeError(f"strace did not run the command: {stderr.decode()}")
            return _Run(log, process.pid, returncode, stdout, stderr, struck)


def _follow(
    reader: int, pid: int, reached: Callable[[str], int | None]
) -> tuple[str, _Struck | None]:
    """The whole log, and the thread that was killed."""
    ended = os.pidfd_open(pid)
    poller = select.poll()
    poller.register(reader, select.POLLIN)
    poller.register(ended, select.POLLIN)  # strace that cannot start never opens the log
    log = ""
    struck: _Struck | None = None
    try:
        while True:
            poller.poll()
            try:
                chunk = os.read(reader, 1 << 16)
            except BlockingIOError:  # the command has ended, strace is still writing
                os.set_blocking(reader, True)
                continue
            if not chunk:
                return log, struck
            log += chunk.decode("ascii", "backslashreplace")
            if struck is None and (thread := reached(log)) is not None:
                struck = _kill(thread)
    finally:
        os.close(ended)


def _kill(thread: int) -> _Struck:
    """Kill the held thread's process, then strace (it would sit out the delay); wait for the end.

    A process with a SIGKILL pending runs no more of its own code, whether it is traced or not.
    """
    status = Path(f"/proc/{thread}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    process, tracer = int(fields["Tgid"]), int(fields["TracerPid"])
    gone = os.pidfd_open(process)
    try:
        os.kill(tracer, signal.SIGSTOP)  # or it remarks on the kill in the command's stderr
        os.kill(process, signal.SIGKILL)
        os.kill(tracer, signal.SIGKILL)
        waiting = select.poll()
        waiting.register(gone, select.POLLIN)
        waiting.poll()
    finally:
        os.close(gone)
    return _Struck(thread, process)
