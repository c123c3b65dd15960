"""The real command `ftkit rescue`, killed over and over, and what the provider counted meanwhile."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.emulators.openai import OpenAIEmulator

CONTENT = "GET /v1/files/ID/content"
LONGEST_S = 300.0
_LOOKS_EVERY_S = 0.01


@dataclass
class Killed:
    """Runs of one command into one folder. `wrong` names a way of `tests.programs.wrong`."""

    emulator: OpenAIEmulator
    to: Path
    wrong: str = ""
    kills: int = 0
    moments: list[int] = field(default_factory=list)  # requests that the provider had seen

    def run(self) -> dict[str, Any]:
        """To its end; what it prints."""
        done = subprocess.run(
            self._command(), capture_output=True, text=True, check=False, timeout=LONGEST_S
        )
        assert done.returncode == 0, done.stderr
        value: dict[str, Any] = json.loads(done.stdout)
        return value

    def kill_within(self, requests: int, chance: random.Random) -> None:
        """Start it and kill it, with no warning, at a random request of so many and a random moment in it."""
        self.interrupt_within(requests, chance, signal.SIGKILL)

    def interrupt_within(
        self, requests: int, chance: random.Random, number: signal.Signals
    ) -> tuple[int, str]:
        """The same with another signal; its exit code, and what it said to the person at the terminal."""
        after = self._seen() + chance.randint(1, requests)
        process = subprocess.Popen(
            self._command(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        begun = time.monotonic()
        while self._seen() < after and process.poll() is None:
            assert time.monotonic() - begun < LONGEST_S
            time.sleep(_LOOKS_EVERY_S * chance.random())
        assert process.poll() is None, "it ended before it could be killed"
        os.kill(process.pid, number)
        _, said = process.communicate()
        self.kills += 1
        self.moments.append(self._seen())
        return process.returncode, said

    def fetched(self) -> Counter[str]:
        """How often the content of each file was asked for."""
        log = self.emulator.log()
        return Counter(one["path"] for one in log if one["route"] == CONTENT)

    def fetched_again(self) -> int:
        """How many contents were asked for that had been asked for before; each kill may cost one."""
        return sum(count - 1 for count in self.fetched().values())

    def _seen(self) -> int:
        return int(sum(self.emulator.counts()["requests"].values()))

    def _command(self) -> list[str]:
        program = ["tests.programs.command", self.wrong] if self.wrong else ["ftkit.cli"]
        arguments = ["rescue", "openai", "--to", str(self.to), "--json"]
        return [sys.executable, "-m", *program, *arguments]
