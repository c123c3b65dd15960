"""The emulator's only way to read the time: real, shifted or virtual, by the rules of FTKIT_NOW, which it reads itself.

Unset is real time; an ISO time is a running clock; `file:PATH` is virtual time, read anew at each use.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path


class Clock:
    """Tells the time by one setting of FTKIT_NOW; ValueError or OSError where that is no time."""

    def __init__(self, setting: str | None) -> None:
        self._file: Path | None = None
        self._start: datetime | None = None
        if setting and setting.startswith("file:"):
            self._file = Path(setting.removeprefix("file:"))
            self._last = parse(self._file.read_text(encoding="utf-8").strip())
        elif setting:
            self._start = parse(setting)
        # When the environment's own FTKIT_NOW began to hold, if it says so.
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


def unix(moment: datetime) -> int:
    """Whole seconds since 1970, as the API writes every time."""
    return int(moment.timestamp())
