"""Runs of a Python module that begin warm: forked from a process that has its imports behind it.

A cold run spends nine tenths of its life in imports, so that a random moment of it says nothing, and fifty cold runs
reach what they contend for one after another. Each run is a process of its own and can be killed as such.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: -9 where it was killed. `stdout` and `stderr` are what it printed until then."""

    returncode: int
    stdout: str
    stderr: str


class Warm:
    """A module to be run many times in one environment and folder.

    `start` brings a run to its gate and returns its process id; `go` opens the gate for all of them; `wait` ends them
    one by one. Until it is waited for, a run keeps its process id, so that killing it cannot hit anybody else.
    """

    def __init__(self, module: str, env: Mapping[str, str], cwd: Path) -> None:
        self._module = module
        self._cwd = cwd
        self._env = dict(env)
        self._printed: dict[int, tuple[Path, Path]] = {}

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="warm-")
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).with_name("warm_process.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._env,
            cwd=self._cwd,
            text=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for pid in self._printed:
            os.kill(pid, signal.SIGKILL)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._folder.cleanup()

    def learn(self, arguments: Sequence[str]) -> Ended:
        """Run once, and import from now on beforehand whatever that run imported."""
        modules = Path(self._folder.name) / "modules"
        self.start(arguments, modules=modules)
        self.go()
        ended = self.wait(next(iter(self._printed)))
        self._ask(60, do="import", modules=json.loads(modules.read_text()))
        return ended

    def run(self, arguments: Sequence[str], timeout_s: float = 60) -> Ended:
        """One whole run."""
        pid = self.start(arguments)
        self.go()
        return self.wait(pid, timeout_s)

    def start(
        self,
        arguments: Sequence[str],
        env: Mapping[str, str] | None = None,
        modules: Path | None = None,
    ) -> int:
        """A run at its gate: its process id. `env` is laid over the environment."""
        out, err = (
            Path(self._folder.name) / f"{name}{os.urandom(8).hex()}" for name in ("out", "err")
        )
        pid: int = self._ask(
            60,
            do="start",
            module=self._module,
            arguments=list(arguments),
            env=dict(env or {}),
            cwd=str(self._cwd),
            stdout=str(out),
            stderr=str(err),
            modules=None if modules is None else str(modules),
        )
        self._printed[pid] = out, err
        return pid

    def go(self) -> None:
        """Open the gate for every run that waits at it."""
        self._ask(60, do="go")

    def wait(self, pid: int, timeout_s: float = 60) -> Ended:
        """The end of a run; raises subprocess.TimeoutExpired where it takes longer; leaving the block kills it."""
        returncode: int = self._ask(timeout_s, do="wait", pid=pid)
        printed = []
        for path in self._printed.pop(pid):
            printed.append(path.read_text() if path.exists() else "")  # killed before it had one
            path.unlink(missing_ok=True)
        return Ended(returncode, *printed)

    def _ask(self, timeout_s: float, **order: Any) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], timeout_s)[0]:
            raise subprocess.TimeoutExpired(self._module, timeout_s)
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the warm process has ended")
        return json.loads(line)
