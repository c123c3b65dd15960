"""The only place that reads the time or sleeps.

FTKIT_NOW=<ISO time> shifts a running clock, in child processes too. FTKIT_NOW=file:PATH is virtual time: the file holds
an ISO time, `sleep` advances it at once, and any program that reads the same file lives in the same time.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ftkit.errors import ConfigError

_ANCHOR = "FTKIT_NOW_ANCHOR"  # real time at which FTKIT_NOW began to hold; children inherit it


def now() -> datetime:
    """The present moment, in UTC."""
    setting = os.environ.get("FTKIT_NOW")
    if not setting:
        return datetime.now(UTC)
    if setting.startswith("file:"):
        return _parse(_virtual(setting).read_text(encoding="utf-8").strip())
    anchor = os.environ.setdefault(_ANCHOR, f"{setting}|{time.time()}")
    if anchor.rpartition("|")[0] != setting:
        anchor = os.environ[_ANCHOR] = f"{setting}|{time.time()}"
    return _parse(setting) + timedelta(seconds=time.time() - float(anchor.rpartition("|")[2]))


def monotonic() -> float:
    """Seconds that never run backwards, for measuring and for deadlines."""
    setting = os.environ.get("FTKIT_NOW", "")
    return now().timestamp() if setting.startswith("file:") else time.monotonic()


def sleep(seconds: float) -> None:
    """Wait, or advance the virtual clock."""
    setting = os.environ.get("FTKIT_NOW", "")
    if not setting.startswith("file:"):
        time.sleep(seconds)
        return
    from filelock import FileLock

    path = _virtual(setting)
    with FileLock(f"{path}.lock"):
        later = _parse(path.read_text(encoding="utf-8").strip()) + timedelta(seconds=seconds)
        fresh = path.with_name(path.name + ".new")
        fresh.write_text(later.isoformat(), encoding="utf-8")
        fresh.replace(path)


async def sleep_async(seconds: float) -> None:
    """`sleep` without blocking the event loop."""
    import asyncio

    virtual = os.environ.get("FTKIT_NOW", "").startswith("file:")
    if virtual:
        sleep(seconds)
    await asyncio.sleep(0 if virtual else seconds)


def _virtual(setting: str) -> Path:
    return Path(setting.removeprefix("file:"))


def _parse(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(
            f"FTKIT_NOW is not an ISO time: {text!r}; write 2026-11-24T12:00:00Z"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
