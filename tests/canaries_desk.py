"""Runs commands, every logger at DEBUG and into a file, and searches all that they say and leave for planted secrets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.canaries_search import Search
from tests.faults.canaries import Canary
from tests.hostile import command, undisturbed

PROGRAM = """
import logging, sys
logging.basicConfig(level=logging.DEBUG, filename=sys.argv.pop(1))
def started(event, given):
    if event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system"):
        with open(sys.orig_argv[3] + ".started", "a") as file:
            print(event, given[:2], file=file)
sys.addaudithook(started)
if sys.argv.pop(1) == "nothing is redacted":
    import ftkit.config, ftkit.secrets
    ftkit.secrets.known_secrets = lambda: ()
    ftkit.secrets._FORMATS = ftkit.secrets._LABELS = ()
    ftkit.secrets._forms = lambda secret: iter(())
    ftkit.config._credential_in = lambda value, name: ""
from ftkit.cli import main
main()
"""
SUBMIT = ("submit", "rows.jsonl", "--model", "fake/small", "--name", "router")


class Desk:
    """Runs commands with a search over all that they say."""

    def __init__(self, folder: Path, variant: str = "") -> None:
        self.search = Search()
        self._log = folder / "debug.log"
        self._variant = variant

    def run(self, *arguments: str, **more: str) -> int:
        """The exit code of one command."""
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(self._log), self._variant, *arguments],
            check=False,
            env=os.environ | more,
            capture_output=True,
            timeout=60,
        )
        self.search.put("stdout", done.stdout)
        self.search.put("stderr", done.stderr)
        return done.returncode

    def here(self, *arguments: str) -> int:
        """The same in this process, which takes a tenth of the time."""
        with undisturbed():
            said = command(*arguments)
        self.search.put("in this process", said.text + said.foreign)
        return said.code

    def soon(self, *arguments: str) -> int:
        """In the quicker way, unless something is wrong with the command: that is so in processes of its own."""
        return self.run(*arguments) if self._variant else self.here(*arguments)

    def result(self, home: Path) -> Search:
        """The search over outputs, the log and the files of the home."""
        if self._log.exists():
            self.search.put("log at DEBUG", self._log.read_bytes())
        arguments = self._log.with_name(f"{self._log.name}.started")
        if arguments.exists():
            self.search.put("arguments of children", arguments.read_bytes())
        self.search.put_home(home)
        print(f"\n{self.search.table()}")
        return self.search


def write_rows(path: str = "rows.jsonl", *, secrets: Sequence[Canary] = ()) -> None:
    rows = [{"prompt": f"question {n}", "completion": f"answer {n}"} for n in range(60)]
    rows += [{"prompt": f"keep {canary.secret}", "completion": "kept"} for canary in secrets]
    Path(path).write_text("".join(json.dumps(row) + "\n" for row in rows))
