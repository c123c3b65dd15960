"""What tests of deployments share: the model that needs one, a block whose process is killed, and its end."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit.ledger import Ledger
from ftkit.models import stop_left_behind
from ftkit.testing import HostedProvider

MODEL = "fake/dedicated"  # 3 USD an hour
START, STOP = "POST /v1/deployments", "DELETE /v1/deployments/ID"
ROOT = Path(__file__).parents[1]


@contextmanager
def block_in_another_process() -> Iterator[subprocess.Popen[str]]:
    """A process inside `with model.deployed()`; it leaves the block when its input ends, and is killed at the end."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "backends"), os.environ.get("PYTHONPATH", "")])
    other = subprocess.Popen(
        [sys.executable, "-m", "tests.programs.hosting", "block"],
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None and other.stdin is not None
    try:
        assert other.stdout.readline() == "in the block\n"
        yield other
    finally:
        other.send_signal(signal.SIGKILL)
        other.wait()
        other.stdout.close()
        other.stdin.close()


def killed_block() -> None:
    """Leave a deployment behind, as a process does that is killed inside its block."""
    with block_in_another_process():
        pass


def next_command(caplog: pytest.LogCaptureFixture) -> str:
    """What the next ftkit command does before anything else; what it says."""
    caplog.clear()
    with caplog.at_level(logging.INFO, "ftkit"):
        stop_left_behind(ftkit.config.settings())
    return caplog.text


def running(provider: HostedProvider) -> int:
    """How many deployments run."""
    return int(provider.counts()["running_deployments"])


def started(provider: HostedProvider) -> int:
    """How many were ever started."""
    return int(provider.counts()["deployments"])


def asked(provider: HostedProvider) -> int:
    """How many requests there were."""
    return sum(provider.counts()["requests"].values())


def ledger() -> Ledger:
    """The ledger of FTKIT_HOME."""
    return Ledger(ftkit.config.settings().home)


def the_one(**wanted: Any) -> ftkit.types.Deployed:
    """The only deployment that is listed; the fields that are given are as given."""
    (one,) = ftkit.hosting("fake")
    assert {name: getattr(one, name) for name in wanted} == wanted
    return one
