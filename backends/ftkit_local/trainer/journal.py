"""The writer of `events.jsonl`: one write a line, on disk before the run goes on, ids 1, 2, 3, ..."""

from __future__ import annotations

import json
import os
from typing import Any

from ftkit import clock
from ftkit_local.runs import RunFolder


class Journal:
    """Appends events of one run. The caller holds the run's lock, so there is one writer."""

    def __init__(self, run: RunFolder) -> None:
        self._id = max((event.id for event in run.events()), default=0)
        self.continued = self._id > 0  # another trainer wrote here before
        self._file = os.open(run.events_file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        # A writer that was killed may have left half a line, and a new event must not be glued to it.
        content = os.pread(self._file, os.fstat(self._file).st_size, 0)
        os.ftruncate(self._file, content.rfind(b"\n") + 1)

    def write(self, type: str, message: str, **data: Any) -> None:
        """Append one event; where it does not fit on the disk whole, nothing of it is kept."""
        event = {
            "id": self._id + 1,
            "at": clock.now().isoformat(),
            "type": type,
            "message": message,
            "data": data,
        }
        line = (json.dumps(event, ensure_ascii=False) + "\n").encode("utf-8", "replace")
        before = os.fstat(self._file).st_size
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(self._file, rest) :]
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, before)
            raise
        self._id += 1

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)
