"""The folder of one run, `<home>/runs/<key>/`: what is in it is what is known about the run.

Nothing is asked of a process id: a run is alive while its lock is held, finished once `result.json` is there (it is
written last), and dead when neither holds although it was started.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftkit.backend import Event, JobStatus, Remote
from ftkit.errors import NotFound, StorageError
from ftkit_local import locks
from ftkit_local.durable import write_file

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_TAIL_BYTES = 64 * 1024
_LOG_LINES = 9
PREPARED, RESUMING = "prepared", "resuming"  # waits for somebody to start its trainer


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run. Reading never changes the folder."""

    path: Path

    @property
    def key(self) -> str:
        """The run's key, which is its id too."""
        return self.path.name

    @property
    def home(self) -> Path:
        """FTKIT_HOME, two levels up."""
        return self.path.parent.parent

    @property
    def spec(self) -> Path:
        """What to do; written before the folder gets its name."""
        return self.path / "spec.json"

    @property
    def events_file(self) -> Path:
        """One JSON event a line."""
        return self.path / "events.jsonl"

    @property
    def log(self) -> Path:
        """Standard output and error of the trainer."""
        return self.path / "trainer.log"

    @property
    def lock(self) -> Path:
        """Held for the trainer's whole life."""
        return self.path / "lock"

    @property
    def cancel(self) -> Path:
        """Its existence asks the trainer to stop."""
        return self.path / "cancel"

    @property
    def pause(self) -> Path:
        """Its existence asks the trainer to stand still."""
        return self.path / "pause"

    @property
    def result(self) -> Path:
        """How the run ended; written last."""
        return self.path / "result.json"

    def exists(self) -> bool:
        """True where a run with this key was prepared."""
        return self.spec.is_file()

    def alive(self) -> bool:
        """True while a trainer holds the run's lock."""
        return locks.held(self.lock)

    def was_started(self) -> bool:
        """True where a trainer left any trace."""
        return any(
            path.exists() and path.stat().st_size > 0 for path in (self.events_file, self.log)
        )

    def died(self) -> bool:
        """True where a trainer was there and left without a result."""
        return (
            not self.alive()
            and self.outcome() is None
            and self.was_started()
            and not self.pause.exists()
        )

    def cancelled(self) -> bool:
        """True where somebody asked the run to stop."""
        return self.cancel.exists()

    def outcome(self) -> Mapping[str, Any] | None:
        """The content of result.json, or None while there is none."""
        try:
            content = json.loads(self.result.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise StorageError(f"{self.result} is damaged: {error}") from error
        if not isinstance(content, dict) or "status" not in content:
            raise StorageError(f"{self.result} is damaged: there is no 'status' in it")
        return content

    def published(self) -> Path | None:
        """The folder of the trained weights, or None where the run has not succeeded."""
        outcome = self.outcome()
        if outcome is None or outcome.get("published") is None:
            return None
        return self.path / str(outcome["published"])

    def finish(
        self,
        status: JobStatus,
        *,
        raw_status: str,
        error: str | None = None,
        published: str | None = None,
        summary: Mapping[str, Any] | None = None,
    ) -> None:
        """Write result.json; after this nothing about the run changes."""
        content = {
            "format": 1,
            "status": str(status),
            "raw_status": raw_status,
            "error": error,
            "published": published,
            "summary": dict(summary or {}),
        }
        with suppress(OSError):
            for leftover in self.path.glob(f".{self.result.name}.*"):  # of a trainer killed here
                leftover.unlink()
        write_file(self.result, (json.dumps(content, indent=2) + "\n").encode())

    def state(self) -> Remote:
        """The run as the contract sees it."""
        # The lock is looked at first: a trainer writes its result before it lets go of the lock.
        alive = self.alive()
        outcome = self.outcome()
        progress = self._progress()
        if outcome is not None:
            status = JobStatus(outcome["status"])
            return Remote(
                id=self.key,
                status=status,
                raw_status=str(outcome["raw_status"]),
                model=self.key if status is JobStatus.SUCCEEDED else None,
                error=outcome["error"],
                progress=progress,
                key=self.key,
            )
        if alive:
            last = next(reversed(self._last_events()), None)
            waits = last is None or last.type == "queued"
            status = JobStatus.QUEUED if waits else JobStatus.RUNNING
            return Remote(
                self.key, status, last.type if last else "starting", progress=progress, key=self.key
            )
        last = next(reversed(self._last_events()), None)
        paused = last is not None and last.type == "paused"
        if self.cancelled() and (paused or self.pause.exists()):
            return self._idle(JobStatus.CANCELLED, "cancelled while it was paused", progress)
        if self.pause.exists():
            return self._idle(JobStatus.PAUSED, "paused", progress)
        if paused:  # somebody lets it go on, and its trainer is not there yet
            return self._idle(JobStatus.QUEUED, RESUMING, progress)
        if not self.was_started():
            if self.cancelled():
                return Remote(
                    self.key, JobStatus.CANCELLED, "cancelled before it started", key=self.key
                )
            return Remote(self.key, JobStatus.QUEUED, PREPARED, key=self.key)
        stopped = last is not None and last.type == "stopped"
        return Remote(
            self.key,
            JobStatus.FAILED,
            "stopped" if stopped else "died",
            error=last.message if last is not None and stopped else self._last_words(),
            progress=progress,
            key=self.key,
        )

    def _idle(self, status: JobStatus, raw: str, progress: tuple[int, int] | None) -> Remote:
        return Remote(self.key, status, raw, progress=progress, key=self.key)

    def events(self, after: int = 0) -> Iterator[Event]:
        """Events with an id above `after`; a line that is still being written is left for the next call."""
        try:
            content = self.events_file.read_bytes()
        except FileNotFoundError:
            return
        for number, line in enumerate(content[: content.rfind(b"\n") + 1].splitlines(), 1):
            event = self._event(line, f"line {number}")
            if event.id > after:
                yield event

    def log_tail(self) -> str:
        """The last lines of the trainer's log."""
        return "\n".join(
            _last_bytes(self.log).decode("utf-8", "replace").split("\n")[-_LOG_LINES:]
        ).strip()

    def _last_events(self) -> list[Event]:
        content = _last_bytes(self.events_file)
        lines = content[: content.rfind(b"\n") + 1].splitlines()
        if len(content) == _TAIL_BYTES:
            lines = lines[1:]  # it may have been cut
        return [self._event(line, "one of the last lines") for line in lines]

    def _event(self, line: bytes, place: str) -> Event:
        try:
            values = json.loads(line)
            return Event(
                id=values["id"],
                at=values["at"],
                type=values["type"],
                message=values["message"],
                data=values["data"],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise StorageError(f"{self.events_file}, {place}: not an event: {error!r}") from error

    def _progress(self) -> tuple[int, int] | None:
        for event in reversed(self._last_events()):
            if event.type == "step":
                return int(event.data["step"]), int(event.data["steps"])
            if event.type == "resumed":  # the steps above may be made again
                return int(event.data["step"]), int(event.data["steps"])
        return None

    def _last_words(self) -> str:
        tail = self.log_tail()
        said = f"; the end of its log:\n{tail}" if tail else "; its log is empty"
        return (
            "the trainer ended without a result (killed, out of memory, or the machine went down); the same submission, "
            f"or `ftkit job go-on {self.key}`, goes on behind its last checkpoint{said}\n(all of it is in {self.log})"
        )


def run_folder(home: Path, key: str) -> RunFolder:
    """The folder of a run that exists; raises NotFound."""
    run = RunFolder(home / "runs" / key)
    if not _KEY.fullmatch(key) or not run.exists():
        raise NotFound(f"there is no local run {key!r} under {home / 'runs'}")
    return run


def run_folders(home: Path) -> list[RunFolder]:
    """Every run under FTKIT_HOME, the one prepared last first."""
    folder = home / "runs"
    if not folder.is_dir():
        return []
    runs = [RunFolder(path) for path in folder.iterdir() if _KEY.fullmatch(path.name)]
    there = [run for run in runs if run.exists()]
    return sorted(there, key=lambda run: (-run.spec.stat().st_mtime_ns, run.key))


def _last_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            return file.read(_TAIL_BYTES)
    except FileNotFoundError:
        return b""
