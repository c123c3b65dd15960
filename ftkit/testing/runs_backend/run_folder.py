"""The folder of one run, `<home>/fake-runs/<key>/`: what is in it is what is known about the run.

A run is alive while its lock is held, over once `result.json` is there, and dead when neither holds although it had
begun. The lock belongs to an open file that is handed to the trainer, so no moment is without its owner.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftkit import clock
from ftkit.backend import Event, JobStatus, Remote
from ftkit.errors import NotFound, StorageError

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_TRAINER = Path(__file__).with_name("trainer_process.py")
_TRIES = 10
_KEPT = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "FTKIT_NOW", "FTKIT_NOW_ANCHOR", "SYSTEMROOT")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run. Reading changes nothing."""

    path: Path

    @property
    def key(self) -> str:
        """The run's key, which is its id too."""
        return self.path.name

    def exists(self) -> bool:
        """True where a run with this key was prepared."""
        return (self.path / "spec.json").is_file()

    def spec(self) -> Mapping[str, Any]:
        """What the run is made from."""
        content: Mapping[str, Any] = self._json("spec.json")
        return content

    def prepare(self, spec: Mapping[str, Any]) -> None:
        """Write the folder under a hidden name and rename it: a run is there whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        hidden = Path(tempfile.mkdtemp(prefix=f".{self.key}.", dir=self.path.parent))
        try:
            with (hidden / "spec.json").open("w", encoding="utf-8") as file:
                json.dump(spec, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            _sync(hidden)
            hidden.rename(self.path)
            _sync(self.path.parent)
        except OSError:
            if not self.exists():  # else somebody prepared the same run at the same time
                raise
        finally:
            shutil.rmtree(hidden, ignore_errors=True)

    def start(self, step_s: float) -> bool:
        """Start a trainer; False where one has the run, or it is over."""
        lock = self._take()
        for _ in range(_TRIES):  # whoever looks whether it is alive holds the lock for an instant
            if lock is not None:
                break
            clock.sleep(0.01)
            lock = self._take()
        if lock is None:
            return False
        try:
            if (self.path / "result.json").exists():
                return False
            trainer = [sys.executable, "-P", str(_TRAINER), str(self.path), str(step_s), str(lock)]
            with (self.path / "trainer.log").open("ab") as log:
                # the shell ends at once, so that the trainer is nobody's child here and leaves no zombie
                subprocess.run(
                    ["/bin/sh", "-c", '"$@" &', "sh", *trainer],
                    check=True,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={name: os.environ[name] for name in _KEPT if name in os.environ},
                    start_new_session=True,
                    pass_fds=(lock,),
                )
            return True
        finally:
            os.close(lock)

    def begun(self) -> bool:
        """True where a trainer has written anything."""
        events = self.path / "events.jsonl"
        return events.exists() and events.stat().st_size > 0

    def alive(self) -> bool:
        """True while a trainer holds the run's lock."""
        lock = self._take(shared=True)
        if lock is None:
            return True
        os.close(lock)
        return False

    def ask_to_stop(self) -> None:
        """Leave the wish; the trainer looks for it before each step."""
        (self.path / "cancel").touch()

    def events(self) -> Iterator[Event]:
        """Every whole line of the journal."""
        try:
            content = (self.path / "events.jsonl").read_bytes()
        except FileNotFoundError:
            return
        for line in content[: content.rfind(b"\n") + 1].splitlines():
            try:
                yield Event(**json.loads(line))
            except (ValueError, TypeError) as error:
                raise StorageError(
                    f"{self.path}/events.jsonl is damaged: {line[:60]!r} is no event"
                ) from error

    def state(self) -> Remote:
        """The run as the contract sees it."""
        # The lock is looked at first: a trainer writes its result before it lets go of the lock.
        alive = self.alive()
        spec = self.spec()
        done = max((int(event.data.get("step", 0)) for event in self.events()), default=0)
        status, word, error = self._status(alive)
        return Remote(
            id=self.key,
            status=status,
            raw_status=word,
            model=self.key if status is JobStatus.SUCCEEDED else None,
            error=error,
            progress=(done, int(spec["steps"])),
            key=self.key,
            base=str(spec["base"]),
        )

    def _status(self, alive: bool) -> tuple[JobStatus, str, str | None]:
        if (self.path / "result.json").exists():
            result = self._json("result.json")
            return JobStatus(result["status"]), str(result["status"]), result["error"]
        if alive:
            running = self.begun()
            status = JobStatus.RUNNING if running else JobStatus.QUEUED
            return status, "running" if running else "starting", None
        if (self.path / "cancel").exists():
            return JobStatus.CANCELLED, "cancelled", None
        if not self.begun():
            return JobStatus.QUEUED, "prepared", None
        return JobStatus.FAILED, "died", "the trainer ended without a result"

    def _take(self, *, shared: bool = False) -> int | None:
        """The run's lock as an open file, or None where somebody has it."""
        import fcntl

        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def _json(self, name: str) -> Any:
        try:
            return json.loads((self.path / name).read_bytes())
        except ValueError as error:
            raise StorageError(f"{self.path / name} is damaged: {error}") from error


def run_folder(folder: Path, key: str) -> RunFolder:
    """The folder of a run that exists; raises NotFound."""
    run = RunFolder(folder / key)
    if not _KEY.fullmatch(key) or not run.exists():
        raise NotFound(f"there is no run {key!r} under {folder}")
    return run


def run_folders(folder: Path) -> list[RunFolder]:
    """Every run, the one prepared last first."""
    if not folder.is_dir():
        return []
    runs = [RunFolder(path) for path in folder.iterdir() if _KEY.fullmatch(path.name)]
    there = [run for run in runs if run.exists()]
    return sorted(there, key=lambda run: -(run.path / "spec.json").stat().st_mtime_ns)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
