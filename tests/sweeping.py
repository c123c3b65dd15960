"""One paid thing, done wrong or right, struck by a kill or a failing disk, done again, and what the provider counted.

The provider runs in a process of its own and survives. With a listing lag all live in virtual time: what was just made
is not listed when the program is run again, and waiting costs nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ftkit.testing import HostedProvider
from tests.faults import strace
from tests.faults.warm import Ended, Warm

ROOT = Path(__file__).parents[1]
LAG_S = 30.0
NOON = "2026-11-25T12:00:00+00:00"
REACHES_THE_PROVIDER_S = 0.3  # what a killed program sent is read by the provider in this time
FINE = ("one job", "one batch", "stopped", "unsettled")
CATEGORIES = (
    ("ledger", "ledger.sqlite"),
    ("spool", "/uploads"),
    ("socket", "TCP"),
    ("home", "/swept"),  # the ledger's marker, and the folder itself made durable
    ("clock", "/clock.new"),  # virtual time, moved on by whoever waits
)


class Swept:
    """A program of `tests.programs`, run as often as it is struck; `found` counts what came of it."""

    program = ""
    backend = "fake"

    def __init__(self, folder: Path, wrong: str = "", lag_s: float = 0.0) -> None:
        self.folder = folder
        self.home = folder / "swept"
        self.wrong = wrong
        self.found: Counter[str] = Counter()
        self._lag_s = lag_s
        self._clock = folder / "clock"

    def __enter__(self) -> Self:
        self.folder.mkdir(exist_ok=True)
        self._clock.write_text(NOON)
        config = self.folder / "user.toml"
        name = self.backend
        virtual = {"FTKIT_NOW": f"file:{self._clock}"} if self._lag_s else {}
        self._open = ExitStack()
        self.provider: Any = self._open.enter_context(self.hosted(virtual.get("FTKIT_NOW")))
        config.write_text(
            f'[providers.{name}]\nbackend = "{name}"\nlisting_lag_s = {self._lag_s}\n{self.settings()}'
        )
        self.env = (
            os.environ
            | {
                "FTKIT_HOME": str(self.home),
                "FTKIT_CONFIG": str(config),
                **self.reached(),
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "backends")]),
            }
            | virtual
        )
        self.warm = self._open.enter_context(Warm(self.program, self.env, self.folder))
        ended = self.warm.learn(self.arguments)
        assert ended.returncode == 0, ended.stderr
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.close()

    def hosted(self, now: str | None) -> AbstractContextManager[Any]:
        """The provider, which lists what it made after the lag."""
        return HostedProvider(run_s=0.0, listing_lag_s=self._lag_s, now=now)

    def settings(self) -> str:
        """More lines of its section in the configuration."""
        return ""

    def reached(self) -> dict[str, str]:
        """The variables that lead to it."""
        return {"FTKIT_FAKE_URL": self.provider.url, "FTKIT_FAKE_API_KEY": self.provider.api_key}

    @property
    def arguments(self) -> list[str]:
        """What follows the program's name."""
        return [self.wrong] if self.wrong else []

    @property
    def command(self) -> list[str]:
        """A cold run."""
        return [sys.executable, "-m", self.program, *self.arguments]

    def verdict(self, again: Ended) -> str:
        """What the provider has, in a word, after the run that followed the stroke."""
        raise NotImplementedError

    def fresh(self) -> None:
        """A provider that has done nothing, an empty FTKIT_HOME, noon."""
        self.provider.reset()
        shutil.rmtree(self.home, ignore_errors=True)
        self._clock.write_text(NOON)

    def trace(self) -> strace.Trace:
        """An undisturbed cold run."""
        self.fresh()
        trace = strace.trace(self.command, self.env, self.folder, categories=CATEGORIES)
        assert trace.returncode == 0, trace.stderr.decode()
        return trace

    def points(self) -> list[tuple[str, int]]:
        """Every call of the program that a kill can fall on; Python's own start makes none of these calls."""
        trace = self.trace()
        elsewhere = [call for call in trace.calls if call.category == "other"]
        assert elsewhere == [], "calls that no category claims, and that nobody would be killed at"
        ours = [name for name, _ in CATEGORIES]
        assert strace.shadowed(trace, ours) == 0  # a child that an SDK starts may print something
        return strace.kill_points(trace, [*ours, "output"])

    def kill(self, point: tuple[str, int]) -> None:
        """Kill a cold run before this call, and run again."""
        self.fresh()
        killed = strace.run_killed(
            self.command, self.env, self.folder, *point, 60, categories=CATEGORIES
        )
        self.found["hit"] += killed.hit
        if killed.struck is not None:
            self.found[f"hit {killed.struck.category}"] += 1
        self.count(str(point))

    def count(self, what: str) -> str:
        """Run again after `what`, and count what came of it."""
        if how_far(self.home) == "submitting":  # it may be on its way, as it never is minutes later
            time.sleep(REACHES_THE_PROVIDER_S)
        again = self.warm.run(self.arguments)
        word = self.verdict(again)
        self.found[word] += 1
        if word not in FINE and not self.wrong:
            print(f"{what}: {word}, code {again.returncode}\n{again.stderr}")
        return word

    def bad(self) -> int:
        """Strokes after which something was paid for twice, lost, or in another way not as designed."""
        return sum(n for word, n in self.found.items() if word not in FINE and "hit" not in word)

    def report(self, points: Sequence[Any]) -> str:
        """The numbers."""
        name = f"{self.program.rpartition('.')[2]} ({self.wrong or 'right'}, lag {self._lag_s:g} s)"
        return f"\n{name}: {len(points)} points, {dict(sorted(self.found.items()))}"


class SweptSubmission(Swept):
    """Of a submission one job is to be left: none doubled, none lost."""

    program = "tests.programs.submit"

    @property
    def arguments(self) -> list[str]:
        rows = [{"prompt": f"question {n}", "completion": f"answer {n}"} for n in range(12)]
        (self.folder / "rows.json").write_text(json.dumps(rows))
        return [str(self.folder / "rows.json"), *super().arguments]

    def verdict(self, again: Ended) -> str:
        jobs = self.provider.counts()["jobs"]
        if jobs > 1:
            return "doubled"
        if again.returncode == 0:
            return "one job" if jobs else "lost"
        if again.returncode == 4:
            return "lost" if jobs else "unsettled"
        return "broken"


class SweptBatch(Swept):
    """Of a batch one is to be left: none doubled, none lost."""

    program = "tests.programs.batch"

    def verdict(self, again: Ended) -> str:
        batches = self.provider.counts()["batches"]
        if batches > 1:
            return "doubled"
        if again.returncode == 0:
            return "one batch" if batches else "lost"
        if again.returncode == 4:
            return "lost" if batches else "unsettled"
        return "broken"


class SweptDeployment(Swept):
    """Of a deployment nothing is to be left running, and there are never two at the same time."""

    program = "tests.programs.deploy"

    def verdict(self, again: Ended) -> str:
        counts = self.provider.counts()
        if most_at_once(self.provider.log(), counts["deployments"]) > 1:
            return "doubled"
        if again.returncode in (0, 4) and counts["running_deployments"]:
            return "lost"
        return {0: "stopped", 4: "unsettled"}.get(again.returncode, "broken")


class SweptHosting(SweptDeployment):
    """The same where `what` is killed and `then` is run once the lag has passed; `before` and its length are over already.

    What has run must not count as running in the ledger afterwards.
    """

    program = "tests.programs.hosting"

    def __init__(
        self, folder: Path, what: str, then: str = "", before: str = "", wrong: str = ""
    ) -> None:
        super().__init__(folder, wrong, LAG_S)
        self.what, self.then, self.before = what, then or what, before

    @property
    def arguments(self) -> list[str]:
        return [self.what, *super().arguments]

    def count(self, what: str) -> str:
        """Let the lag pass, run what comes next, and count what came of it."""
        if how_far(self.home) == "submitting":
            time.sleep(REACHES_THE_PROVIDER_S)
        self._pass(self._lag_s)
        again = self.warm.run([self.then, *self.arguments[1:]])
        word = self.verdict(again)
        self.found[word] += 1
        if word not in FINE and not self.wrong:
            print(f"{what}: {word}, code {again.returncode}\n{again.stderr}")
        return word

    def verdict(self, again: Ended) -> str:
        word = super().verdict(again)
        if word == "stopped" and self.provider.counts()["deployments"] and still_open(self.home):
            return "still counted"
        return word

    def fresh(self) -> None:
        super().fresh()
        if self.before:
            assert self.warm.run([self.before]).returncode == 0
            self._pass(2 * 3600)

    def _pass(self, seconds: float) -> None:
        now = datetime.fromisoformat(self._clock.read_text())
        self._clock.write_text((now + timedelta(seconds=seconds)).isoformat())


def how_far(home: Path) -> str:
    """The state of the intent in the ledger, or what there is instead of one."""
    if not (home / "ledger.sqlite").exists():
        return "no ledger"
    with copied(home) as ledger:
        try:
            found = ledger.execute("SELECT state FROM intents").fetchone()
        except sqlite3.OperationalError:  # its tables are not there yet
            return "no table"
    return "no intent" if found is None else str(found[0])


def still_open(home: Path) -> bool:
    """True where the ledger takes something to be running."""
    with copied(home) as ledger:
        words = "SELECT COUNT(*) FROM intents WHERE state IN ('submitting', 'unsettled', 'made')"
        return bool(ledger.execute(words).fetchone()[0])


@contextmanager
def copied(home: Path) -> Iterator[sqlite3.Connection]:
    """The ledger in a copy of its folder: opening it may change it."""
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(home, Path(folder) / "copy")
        ledger = sqlite3.connect(copy / "ledger.sqlite")
        try:
            yield ledger
        finally:
            ledger.close()


def most_at_once(log: Sequence[dict[str, Any]], created: int) -> int:
    """How many deployments ran at the same time, at most, by the provider's own record of requests."""
    running: set[str] = set()
    most = started = 0
    for request in log:
        if request["path"] == "/v1/deployments" and request["method"] == "POST":
            started += 1
            running.add(f"dep-{started}")
            most = max(most, len(running))
        elif request["method"] == "DELETE":
            running.discard(request["path"].rpartition("/")[2])
    # the start of a program that was killed in the middle of its request is in the log and made nothing
    return most if started == created else min(most, created)
