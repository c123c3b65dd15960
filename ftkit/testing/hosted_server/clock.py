"""The server's only way to read the time: real, shifted or virtual, by the rules of FTKIT_NOW.

Unset is real time; an ISO time is a running clock that began there when the server started, or when the environment
says that FTKIT_NOW began to hold; `file:PATH` is virtual time, read anew at each use. Moments are `datetime` in UTC,
whose differences are exact: a lag of 2 s ends at 2 s.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path


class Clock:
    """Tells the time by one setting of FTKIT_NOW; raises ValueError where that is no time."""

    def __init__(self, setting: str | None) -> None:
        self._file = None
        self._start = None
        if setting and setting.startswith("file:"):
            self._file = Path(setting.removeprefix("file:"))
            self._last = parse(self._file.read_text(encoding="utf-8").strip())
        elif setting:
            self._start = parse(setting)
        held, _, since = os.environ.get("FTKIT_NOW_ANCHOR", "").rpartition("|")
        self._began = float(since) if setting and held == setting else time.time()

    def now(self) -> datetime:
        """The present moment in UTC."""
        if self._start is not None:
            return self._start + timedelta(seconds=time.time() - self._began)
        if self._file is None:
            return datetime.now(UTC)
        text = self._file.read_text(encoding="utf-8").strip()
        if text:  # a writer that does not rename is seen empty between its two steps
            self._last = parse(text)
        return self._last


def parse(text: str) -> datetime:
    """An ISO time as a moment in UTC; one without a zone is in UTC already."""
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
