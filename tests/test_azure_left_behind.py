"""A deployment at Azure that was forgotten, and one whose program was killed: seen with its cost, stopped, never doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from decimal import Decimal

import ftkit
from ftkit import clock
from tests.azure_desk import DELETE, tuned
from tests.emulators.azure import AzureEmulator

pytest_plugins = ("tests.azure_fixtures",)

ENV = {"NO_COLOR": "1", "COLUMNS": "80"}
BLOCK = (
    "import sys, ftkit\n"
    "with ftkit.model('router').deployed(max_cost_usd=5):\n"
    "    print('in the block', flush=True)\n"
    "    sys.stdin.read()\n"
)


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """One ftkit command, as a user runs it."""
    return subprocess.run(
        [sys.executable, "-m", "ftkit.cli", *arguments],
        env={**os.environ, **ENV},
        capture_output=True,
        text=True,
        check=False,
    )


def starts(azure: AzureEmulator) -> list[int]:
    """How often each name was started."""
    return list(azure.counts()["deploy_starts"].values())


def test_one_that_was_forgotten_is_shown_with_its_cost_and_stopped(azure: AzureEmulator) -> None:
    tuned(name="router")
    said = command("deploy", "router", "--hours", "10", "--max-cost-usd", "20", "--yes")
    assert said.returncode == 0, said.stderr
    assert "1.70 USD an hour; 17.00 USD for 10 h" in said.stdout + said.stderr
    clock.sleep(3 * 3600)
    listed = command("hosting")
    assert "5.10 USD so far" in listed.stdout and "ftkit undeploy azure/ftk" in listed.stdout
    assert azure.counts()["running"] == 1, "it is looked at, and not stopped: its time is not over"
    clock.sleep(8 * 3600)
    later = command("jobs")
    assert "its time was over" in later.stderr and "18.70 USD" in later.stderr
    assert (starts(azure), azure.counts()["running"]) == ([1], 0)
    assert command("hosting").stdout.strip() == "nothing is deployed"
    assert ftkit.spent().usd >= Decimal("18.7")


def test_a_block_whose_program_was_killed_is_stopped_by_the_next_command(
    azure: AzureEmulator,
) -> None:
    tuned(name="router")
    block = subprocess.Popen(
        [sys.executable, "-c", BLOCK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert block.stdout is not None and block.stdin is not None
    assert block.stdout.readline() == "in the block\n"
    lives = command("hosting")
    assert azure.counts()["running"] == 1 and "stopped" not in lives.stderr
    block.send_signal(signal.SIGKILL)
    block.wait()
    block.stdout.close()
    block.stdin.close()
    clock.sleep(3600)
    azure.refuse(DELETE, "ServiceUnavailable", times=9)
    failed = command("jobs")
    assert failed.returncode == 0 and "COULD NOT STOP" in failed.stderr
    assert azure.counts()["running"] == 1
    azure.clear_faults()
    stopped = command("jobs")
    assert "nobody uses it any more" in stopped.stderr and "1.70 USD" in stopped.stderr
    assert (starts(azure), azure.counts()["running"]) == ([1], 0)
    assert command("jobs").stderr == ""


def test_one_that_azure_stops_by_itself_is_not_started_again(azure: AzureEmulator) -> None:
    job = tuned(name="router")
    ftkit.deploy("router", until_stopped=True, max_cost_usd=1000)
    clock.sleep(16 * 24 * 3600)  # idle for more than fifteen days
    listed = command("hosting")
    assert azure.counts()["running"] == 0
    assert "not list" in listed.stdout + listed.stderr, listed
    assert starts(azure) == [1]
    assert job.status == "succeeded"
