"""One submission whose provider answers one step with junk, then behaves again; and what became of it.

The provider counts in a process of its own. The commands run in this process, through the entry that the console script
calls, so that an exception which is none of ftkit's comes out here. Time is a file: no pause takes any.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import re
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from ftkit import patience
from ftkit.cli import main
from ftkit.errors import FtkitError
from tests.faults.fuzzed_answers import FuzzedAnswer
from tests.faults.stranger import Stranger

SHOW = ("job", "show", "router", "--json")
KEY = "stranger-must-not-see-1"


@dataclass(frozen=True)
class Where:
    """Where a provider takes a step: the route by its name, an address of it, and, where one route takes two, what
    tells them apart in the query.
    """

    route: str
    path: str = ""
    query: str = ""


class Target:
    """A provider on trial: how it is reached and steered, and where it takes each step."""

    submit: tuple[str, ...]
    steps: Mapping[str, Where]
    provider: Any

    def lead_here(self, patch: pytest.MonkeyPatch) -> None:
        """Let the variables of the environment lead to it, with KEY."""
        raise NotImplementedError

    def fault(self, step: str, *, skip: int = 0, times: int | None = 1, **order: Any) -> None:
        """Order a fault of a step, as `Bench.order` has it."""
        raise NotImplementedError

    def slow(self) -> None:
        """A job takes an hour: one that has ended is not asked for any more."""
        raise NotImplementedError

    def jobs(self) -> tuple[int, Mapping[str, int]]:
        """How many were made, and of which key how many."""
        raise NotImplementedError


@dataclass(frozen=True)
class Said:
    """What a command came to. `foreign` names an exception that is none of ftkit's."""

    code: int
    text: str
    foreign: str = ""


@dataclass
class Trial:
    """One hostile answer and everything that was seen on the way."""

    name: str
    story: str
    kind: str
    expected: int | None = None  # the first exit code, where it must be this one
    hostile: list[Said] = field(default_factory=list)  # while the answer was hostile
    after: list[Said] = field(default_factory=list)  # once the provider behaved again
    settled_by_hand: bool = False
    jobs: int = 0
    listed: bool = False  # the job that the ledger has is one that the provider has
    to_stranger: int = 0
    peak_mib: float = 0.0

    @property
    def foreign(self) -> list[str]:
        """Exceptions that are none of ftkit's, and tracebacks."""
        said = [*self.hostile, *self.after]
        return [one.foreign for one in said if one.foreign] + [
            "a traceback is shown" for one in said if "Traceback" in one.text
        ]

    @property
    def doubled(self) -> int:
        return max(0, self.jobs - 1)

    @property
    def lost(self) -> int:
        """1 where the provider has a job that the ledger does not, or no job came to be."""
        return int(self.jobs == 0 or not self.listed)

    def __str__(self) -> str:
        codes = [one.code for one in self.hostile], [one.code for one in self.after]
        return (
            f"{self.story}: {self.name}: exit codes {codes}, {self.jobs} jobs, lost {self.lost}, "
            f"{self.to_stranger} requests to the other host, {self.peak_mib:.0f} MiB, {self.foreign}"
        )


def kind_of(answer: FuzzedAnswer) -> str:
    """What the answer is at first sight."""
    return "half" if answer.action == "half" else f"{answer.status // 100}xx"


def command(*arguments: str) -> Said:
    """Run `ftkit ...` here."""
    out = StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        try:
            main([*arguments])
        except SystemExit as exit:
            code = exit.code if isinstance(exit.code, int) else 0 if exit.code is None else 1
            return Said(code, out.getvalue())
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            return Said(-1, out.getvalue(), f"{type(error).__name__}: {str(error)[:200]}")
    return Said(0, out.getvalue())


def called(call: Callable[[], Awaitable[object]]) -> Said:
    """Await a call of the library here, as a command would be run."""

    async def awaited() -> object:
        return await call()

    try:
        return Said(0, repr(asyncio.run(awaited())))
    except FtkitError as error:
        return Said(error.exit_code, str(error))
    except Exception as error:  # noqa: BLE001 - it is named
        return Said(-1, "", f"{type(error).__name__}: {str(error)[:200]}")


def fault_of(answer: FuzzedAnswer, here: str, elsewhere: int) -> dict[str, Any]:
    """The answer as a fault that an emulator takes; what it says of `{self}` is at `here`, of another host at that port."""
    where = {"{other}": str(elsewhere), "{self}": here}
    headers = {
        name: re.sub(r"\{\w+\}", lambda match: where[match.group()], text)
        for name, text in answer.headers.items()
    }
    return {
        "action": answer.action,
        "status": answer.status,
        "headers": headers,
        "body_base64": base64.b64encode(answer.body).decode(),
    }


class Bench:
    """Tries hostile answers one after another, each with a ledger and a provider of its own."""

    def __init__(
        self,
        target: Target,
        stories: Mapping[str, Story],
        stranger: Stranger,
        folder: Path,
        patch: pytest.MonkeyPatch,
    ) -> None:
        self.target = target
        self.stranger = stranger
        self._stories = stories
        self._folder = folder
        self._patch = patch
        self._clock = folder / "now"
        self._n = 0
        rows = (json.dumps({"prompt": f"question {n}", "completion": f"a {n}"}) for n in range(12))
        Path("rows.jsonl").write_text("\n".join(rows))
        target.lead_here(patch)
        patch.setenv("FTKIT_NOW", f"file:{self._clock}")

    def fresh(self) -> None:
        """A provider and a ledger that know of nothing."""
        self._clock.write_text("2026-11-25T12:00:00+00:00")
        self.other_machine()
        self.target.provider.reset()
        self.target.provider.set(now=f"file:{self._clock}")
        self.stranger.requests.clear()
        self._patch.delenv("FTKIT_CONFIG", raising=False)
        patience._budgets.clear()

    def other_machine(self) -> None:
        """From here on a ledger that is empty."""
        self._n += 1
        self._patch.setenv("FTKIT_HOME", str(self._folder / f"home{self._n}"))

    def configure(self, text: str) -> None:
        """A user's configuration, until the next trial."""
        path = self._folder / "user.toml"
        path.write_text(text)
        self._patch.setenv("FTKIT_CONFIG", str(path))

    def submit(self, *more: str) -> Said:
        """The submission that all is about."""
        return command(*self.target.submit, *more)

    def trial(self, answer: FuzzedAnswer, story: str, *, process: bool) -> Trial:
        """The whole answer, in a story; `process`: the provider does what it was asked all the same."""
        order = self.order(answer, process)
        return self.run(answer.name, story, kind_of(answer), order)

    def grafted(self, answer: FuzzedAnswer, fields: Mapping[str, Any]) -> Trial:
        """Only the odd fields of the answer, laid over the provider's real reply."""
        order = {"action": "patch", "fields": dict(fields)}
        return self.run(f"{answer.name}, else right", answer.on, "odd fields", order)

    def order(self, answer: FuzzedAnswer, process: bool) -> dict[str, Any]:
        """The answer as a fault."""
        here = self.target.provider.url + self.target.steps[answer.on].path
        return {**fault_of(answer, here, self.stranger.port), "process": process}

    def run(self, name: str, story: str, kind: str, order: dict[str, Any]) -> Trial:
        """A submission with this fault at its step, and the same again without."""
        self.fresh()
        trial = Trial(name, story, kind)
        with peak(trial):
            self._stories[story](self, trial, order)
        self.target.provider.clear_faults()
        self._afterwards(trial)
        trial.to_stranger = len(self.stranger.requests)
        return trial

    def _afterwards(self, trial: Trial) -> None:
        """The same call again, settled by hand where only a person can know."""
        again = self.submit()
        trial.after.append(again)
        if again.code == 4:
            trial.settled_by_hand = True
            trial.after += [command("job", "settle", "router", "--not-created"), self.submit()]
        shown = command(*SHOW)
        trial.after.append(shown)
        trial.jobs, keys = self.target.jobs()
        trial.listed = shown.code == 0 and json.loads(shown.text)["id"] in keys


Story = Callable[[Bench, Trial, dict[str, Any]], None]


@contextmanager
def peak(trial: Trial) -> Iterator[None]:
    """Measures by how much the process's memory grew at its highest, in MiB; 0 where the kernel does not tell."""
    before = _resident("VmRSS")
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        yield
        return
    yield
    trial.peak_mib = max(0.0, _resident("VmHWM") - before)


def _resident(what: str) -> float:
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0.0
    found = re.search(rf"{what}:\s+(\d+) kB", status)
    return int(found.group(1)) / 1024 if found else 0.0


@contextmanager
def undisturbed() -> Iterator[None]:
    """The command adds a handler to the logger of ftkit and one for SIGTERM; afterwards both are as they were."""
    logger = logging.getLogger("ftkit")
    handlers, level = list(logger.handlers), logger.level
    on_term = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        logger.handlers[:] = handlers
        logger.setLevel(level)
        signal.signal(signal.SIGTERM, on_term)
