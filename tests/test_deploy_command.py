"""The commands: the price before anything starts, a question only where somebody can answer, and what every command stops."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

import ftkit
from ftkit import clock
from ftkit.cli.hosting import span
from ftkit.testing import HostedProvider
from tests.at_terminal import as_json
from tests.at_terminal import ftkit as command
from tests.deploy_desk import (
    MODEL,
    STOP,
    killed_block,
    running,
    started,
    the_one,
)
from tests.hosted import virtual

PRICE = "fake/dedicated: 3.00 USD an hour; 6.00 USD for 2 h, until 2026-11-25 14:00 UTC"


@pytest.fixture(autouse=True)
def at_noon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: HostedProvider) -> None:
    virtual(tmp_path, monkeypatch, provider)


def at_a_terminal(answer: str, *arguments: str) -> tuple[int, str]:
    """The command with a person in front of it: its exit code, and what the terminal shows."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "ftkit.cli", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "COLUMNS": "80", "TERM": "dumb"},
    ) as shown:
        os.close(theirs)
        os.write(ours, f"{answer}\n".encode())
        text = b""
        while True:
            try:
                text += os.read(ours, 4096)
            except OSError:  # the terminal is closed with its last program
                break
        os.close(ours)
        return shown.wait(60), text.decode().replace("\r\n", "\n")


def test_without_a_terminal_the_price_is_told_and_nobody_is_asked(
    provider: HostedProvider,
) -> None:
    said = command("deploy", MODEL, "--hours", "2")
    one = the_one()
    assert PRICE in said
    assert (
        f"is deployed as fake/{one.id}\nuntil 2026-11-25 14:00 UTC; the first ftkit command" in said
    )
    assert f"deployed already, as fake/{one.id}: nothing is started" in command(
        "deploy", MODEL, "--hours", "3"
    )
    assert "until 2026-11-25 15:00 UTC" in command("deploy", MODEL, "--hours", "3", "--extend")
    clock.sleep(3600)
    assert "is stopped, it has cost 3.00 USD" in command("undeploy", MODEL)
    assert (started(provider), running(provider)) == (1, 0)


def test_at_a_terminal_no_is_no_and_nothing_is_started(provider: HostedProvider) -> None:
    code, said = at_a_terminal("n", "deploy", MODEL, "--hours", "2")
    assert (code, started(provider)) == (3, 0)
    assert PRICE in said and "Start it? [y/N]" in said and "nothing was started" in said
    assert all(len(line) <= 80 for line in said.splitlines())
    code, said = at_a_terminal("y", "deploy", MODEL, "--hours", "2")
    assert (code, started(provider)) == (0, 1)
    code, said = at_a_terminal("n", "deploy", MODEL, "--hours", "2", "--extend", "--yes")
    assert (code, "Start it?" in said) == (0, False)


def test_without_a_length_nothing_is_started(provider: HostedProvider) -> None:
    assert "--hours 2" in command("deploy", MODEL, code=2)
    assert "choose one" in command("deploy", MODEL, "--hours", "1", "--wait", "--extend", code=2)
    assert started(provider) == 0


def test_waiting_stops_it_at_the_end(provider: HostedProvider) -> None:
    value = as_json("deploy", MODEL, "--hours", "2", "--wait")
    assert (value["stopped"], float(value["cost_usd"])) == (True, 6)
    assert (started(provider), running(provider)) == (1, 0)
    ftkit.deploy(MODEL, hours=9)
    assert "is not stopped from here" in command("deploy", MODEL, "--hours", "2", "--wait")
    assert running(provider) == 1


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGHUP])
def test_waiting_stops_it_when_it_is_interrupted(
    ending: signal.Signals, provider: HostedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.set(now=None)
    monkeypatch.delenv("FTKIT_NOW")
    with subprocess.Popen(
        [sys.executable, "-m", "ftkit.cli", "deploy", MODEL, "--until-stopped", "--wait"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as waiting:
        assert waiting.stderr is not None
        while "Ctrl-C stops it" not in waiting.stderr.readline():
            pass
        the_one(status="in_use")
        waiting.send_signal(ending)
        out, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 130
    assert "is stopped, it has cost 0.00 USD" in out
    assert (started(provider), running(provider)) == (1, 0)


def test_a_forgotten_one_is_shown_with_its_cost_and_stopped_by_any_command(
    provider: HostedProvider,
) -> None:
    killed_block()
    clock.sleep(2 * 3600)
    command("prices", "--help")
    command("doctor", "--offline")
    assert running(provider) == 1
    said = command("prices", "--provider", "fake")
    assert "stopped fake/dep-1 (fake/dedicated): nobody uses it any more" in said
    assert "it has cost 6.00 USD since 2026-11-25 12:00 UTC" in said
    assert (started(provider), running(provider)) == (1, 0)


def test_a_failure_to_stop_changes_nothing_about_the_command(provider: HostedProvider) -> None:
    killed_block()
    provider.fault(STOP, "reply", status=400, body="{}", times=None)
    said = command("hosting")
    assert "COULD NOT STOP fake/dep-1" in said
    assert "ABANDONED: nobody uses it any more, and it was not stopped" in said
    provider.clear_faults()
    done = subprocess.run(
        [sys.executable, "-m", "ftkit.cli", "hosting", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["deployments"] == []
    assert "stopped fake/dep-1" in done.stderr


def test_a_length_of_time_in_words() -> None:
    said = {"0.001": "less than a minute", "0.5": "30 min", "2": "2 h", "2.5": "2 h 30 min"}
    said |= {"48": "2 d", "76": "3 d 4 h", "0.9999": "1 h"}
    assert {hours: span(Decimal(hours)) for hours in said} == said
