"""A submission killed at any of its writes and socket calls, and run again: one job, none lost.

The provider counts in its own process. A few kill points in the normal run, all of them in the torture run, together
with a variant that sends the create three times, as SDKs do: there the same sweep must count doubled jobs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftkit.testing import HostedProvider
from tests.faults import strace

REASON = strace.unavailable()
pytestmark = pytest.mark.skipif(REASON is not None, reason=REASON or "")

CATEGORIES = (("ledger", "ledger.sqlite"), ("spool", "/uploads"), ("socket", "TCP"))
SUBMIT = """
import json, sys
import ftkit
from ftkit.errors import OutcomeUnknown
if sys.argv[2:] == ["three POSTs"]:
    from ftkit.testing.fake_backend.client import Client
    once = Client.create
    def thrice(self, path, body, key):
        once(self, path, body, key); once(self, path, body, key)
        return once(self, path, body, key)
    Client.create = thrice
try:
    print(ftkit.submit(json.loads(open(sys.argv[1]).read()), "fake/small").id)
except OutcomeUnknown:
    print("unsettled")
    sys.exit(4)
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[HostedProvider]:
    with HostedProvider(run_s=0.0) as server:
        yield server


class Sweep:
    """One submission, its kill points, and what became of it after each."""

    def __init__(self, provider: HostedProvider, folder: Path, variant: str = "") -> None:
        self.provider = provider
        self.folder = folder
        self.home = folder / "swept"
        rows = [{"prompt": f"question {n}", "completion": f"answer {n}"} for n in range(8)]
        (folder / "rows.json").write_text(json.dumps(rows))
        (folder / "submit.py").write_text(SUBMIT)
        self.command = [sys.executable, str(folder / "submit.py"), str(folder / "rows.json")]
        self.command += [variant] if variant else []
        self.env = os.environ | {
            "FTKIT_HOME": str(self.home),
            "FTKIT_FAKE_URL": provider.url,
            "FTKIT_FAKE_API_KEY": provider.api_key,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.found: Counter[str] = Counter()

    def fresh(self) -> None:
        self.provider.reset()
        shutil.rmtree(self.home, ignore_errors=True)

    def points(self) -> list[tuple[str, int]]:
        self.fresh()
        trace = strace.trace(self.command, self.env, self.folder, categories=CATEGORIES)
        assert trace.returncode == 0, trace.stderr
        return strace.kill_points(trace, ("ledger", "spool", "socket"))

    def kill(self, syscall: str, n: int) -> None:
        self.fresh()
        killed = strace.run_killed(
            self.command, self.env, self.folder, syscall, n, 60, categories=CATEGORIES
        )
        self.found["hit"] += killed.hit
        if killed.struck is not None:
            self.found[f"hit {killed.struck.category}"] += 1
        again = subprocess.run(
            self.command,
            check=False,
            env=self.env,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
        )
        jobs = self.provider.counts()["jobs"]
        if jobs > 1:
            self.found["doubled"] += 1
        elif again.returncode == 0:
            self.found["one job" if jobs == 1 else "lost"] += 1
        elif again.returncode == 4:
            self.found["lost" if jobs else "unsettled"] += 1
        else:
            self.found["broken"] += 1
            print(again.stderr)


def test_a_submission_killed_at_a_sample_of_its_system_calls_has_one_job(
    provider: HostedProvider, tmp_path: Path
) -> None:
    sweep = Sweep(provider, tmp_path)
    points = sweep.points()
    assert len(points) > 60
    wire = [point for point in points if point[0] in ("connect", "sendto", "recvfrom")]
    disk = [point for point in points if point not in wire]
    for syscall, n in wire[::2] + disk[::20]:
        sweep.kill(syscall, n)
    print(len(points), dict(sweep.found))
    assert sweep.found["doubled"] == sweep.found["lost"] == sweep.found["broken"] == 0
    assert sweep.found["hit socket"] > 3
    assert sweep.found["hit ledger"] > 5
    assert sweep.found["one job"] > 10


@pytest.mark.torture
def test_a_submission_killed_at_every_system_call_has_one_job(
    provider: HostedProvider, tmp_path: Path
) -> None:
    sweep = Sweep(provider, tmp_path)
    points = sweep.points()
    for syscall, n in points:
        sweep.kill(syscall, n)
    print(len(points), dict(sweep.found))
    assert sweep.found["doubled"] == sweep.found["lost"] == sweep.found["broken"] == 0


@pytest.mark.parametrize("variant", ["three POSTs"])
def test_the_sweep_sees_a_create_that_is_sent_three_times(
    variant: str, provider: HostedProvider, tmp_path: Path
) -> None:
    sweep = Sweep(provider, tmp_path, variant)
    points = sweep.points()
    for syscall, n in points[-3:]:
        sweep.kill(syscall, n)
    assert sweep.found["doubled"] > 0
