"""The command as a person types it, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any


def ftkit(*arguments: str, code: int = 0) -> str:
    """What it says, on either output; the exit code must be `code`."""
    done = _done(*arguments)
    assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def as_json(*arguments: str, code: int = 0) -> dict[str, Any]:
    """What it prints with --json; the exit code must be `code`."""
    done = _done(*arguments, "--json")
    assert done.returncode == code, (arguments, done.stdout, done.stderr)
    value: dict[str, Any] = json.loads(done.stdout)
    return value


def _done(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ftkit.cli", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
