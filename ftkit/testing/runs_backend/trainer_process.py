"""The stand-in's trainer: a process of its own that takes its time and learns nothing.

Run by path: `python trainer_process.py RUN STEP_SECONDS LOCK`. It needs the standard library and ftkit's clock. LOCK is an
open file whose lock is held for life and was handed over by whoever started it: while it is held the run is alive. A line
of `events.jsonl` is written whole or, when it is killed, cut short; a later trainer of the same run mends that and goes
on behind the last whole step. `result.json` comes last.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from ftkit import clock


class Journal:
    """The run's events, each on disk before the next thing happens."""

    def __init__(self, path: Path) -> None:
        content = path.read_bytes() if path.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        self.written: list[dict[str, Any]] = [json.loads(line) for line in whole.splitlines()]
        self._file = path.open("r+b" if content else "wb")
        self._file.truncate(len(whole))
        self._file.seek(len(whole))

    def write(self, kind: str, message: str, **data: Any) -> None:
        """Append one event."""
        event = {
            "id": len(self.written) + 1,
            "at": clock.now().isoformat(),
            "type": kind,
            "message": message,
            "data": data,
        }
        self.written.append(event)
        self._file.write(json.dumps(event).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


def train(run: Path, step_s: float) -> None:
    """Go through the steps that are left, until somebody asks to stop."""
    spec = json.loads((run / "spec.json").read_bytes())
    steps, allowed = int(spec["steps"]), spec["stop_after_s"]
    began = clock.monotonic()
    journal = Journal(run / "events.jsonl")
    done = max((event["data"].get("step", 0) for event in journal.written), default=0)
    message = f"goes on behind step {done}" if journal.written else f"{steps} steps"
    journal.write("started", message, pid=os.getpid())
    for step in range(done + 1, steps + 1):
        clock.sleep(step_s)
        if (run / "cancel").exists():
            journal.write("cancelled", f"stopped before step {step}")
            finish(run, "cancelled")
            return
        loss = round(2 / (1 + 3 * step / steps), 4)
        journal.write("step", f"step {step} of {steps}", step=step, steps=steps, loss=loss)
        if allowed is not None and clock.monotonic() - began + step_s > allowed:
            break
    journal.write("succeeded", "done")
    finish(run, "succeeded")


def finish(run: Path, status: str) -> None:
    """Write result.json at once and for good."""
    fresh = run / ".result.json"
    with fresh.open("wb") as file:
        file.write(json.dumps({"status": status, "error": None}).encode())
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(run / "result.json")


if __name__ == "__main__":
    os.set_inheritable(int(sys.argv[3]), False)
    train(Path(sys.argv[1]), float(sys.argv[2]))
