"""`import ftkit` beside `import pydantic`, each in new processes, alternating. Aim: at most twice."""

from __future__ import annotations

import statistics
import subprocess
import sys

CODE = (
    "import time; began = time.perf_counter(); import {module}; print(time.perf_counter() - began)"
)


def seconds(module: str) -> float:
    """One import in a new process."""
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(module=module)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def run(rounds: int = 15) -> None:
    """Print both medians and their ratio."""
    times: dict[str, list[float]] = {"ftkit": [], "pydantic": []}
    for _ in range(rounds):
        for module, found in times.items():
            found.append(seconds(module))
    ours, theirs = (statistics.median(found) for found in times.values())
    print(
        f"import ftkit {ours * 1000:.1f} ms, import pydantic {theirs * 1000:.1f} ms: "
        f"ratio {ours / theirs:.2f} (aim: at most 2)"
    )
