"""The clock seam: real, shifted, and virtual time."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ftkit import clock
from ftkit.errors import ConfigError


def test_without_a_setting_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FTKIT_NOW", raising=False)
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_a_shifted_clock_runs_on_and_child_processes_share_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FTKIT_NOW", "2027-01-06T00:00:00Z")
    monkeypatch.delenv("FTKIT_NOW_ANCHOR", raising=False)
    first = clock.now()
    child = subprocess.run(
        [sys.executable, "-c", "from ftkit import clock; print(clock.now().isoformat())"],
        capture_output=True,
        text=True,
        check=True,
    )
    seen = datetime.fromisoformat(child.stdout.strip())
    assert first.date().isoformat() == "2027-01-06"
    assert first < seen <= clock.now()


def test_virtual_time_moves_only_when_somebody_sleeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "now"
    file.write_text("2026-11-24T12:00:00+00:00")
    monkeypatch.setenv("FTKIT_NOW", f"file:{file}")
    before = clock.monotonic()
    clock.sleep(3600)
    assert clock.now().isoformat() == "2026-11-24T13:00:00+00:00"
    assert clock.monotonic() - before == 3600


def test_a_time_that_is_none_is_a_named_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTKIT_NOW", "next tuesday")
    with pytest.raises(ConfigError, match="FTKIT_NOW is not an ISO time: 'next tuesday'"):
        clock.now()


def test_nothing_but_the_clock_reads_the_time() -> None:
    import ftkit
    import ftkit_local

    forbidden = (
        "datetime.now",
        "time.time(",
        "time.sleep(",
        "time.monotonic(",
        "time.perf_counter(",
    )
    for package in (ftkit, ftkit_local):
        for path in Path(str(package.__file__)).parent.rglob("*.py"):
            if path.name != "clock.py":
                text = path.read_text(encoding="utf-8")
                assert not [word for word in forbidden if word in text], path
