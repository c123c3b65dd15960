"""One submission whose provider answers one step with junk, then behaves again; and what became of it.

The provider counts in a process of its own. The commands run in this process, through the entry that the console script
calls, so that an exception which is none of ftkit's comes out here. Time is a file: no pause takes any.
"""

from __future__ import annotations

import base64
import json
import logging
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from ftkit import patience
from ftkit.cli import main
from ftkit.testing import HostedProvider
from tests.faults.fuzzed_answers import FuzzedAnswer
from tests.faults.stranger import Stranger

CREATE, LIST, UPLOAD = "POST /v1/jobs", "GET /v1/jobs", "POST /v1/files"
ROUTES = {
    "create": CREATE,
    "list": LIST,
    "upload": UPLOAD,
    "get": "GET /v1/jobs/ID",
    "events": "GET /v1/jobs/ID/events",
    "account": "GET /v1/account",
}
PATHS = {"create": "/v1/jobs", "list": "/v1/jobs", "upload": "/v1/files", "account": "/v1/account"}
SUBMIT = ("submit", "rows.jsonl", "--model", "fake/small", "--name", "router")
SHOW = ("job", "show", "router", "--json")
KEY = "stranger-must-not-see-1"


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


class Bench:
    """Tries hostile answers one after another, each with a ledger and a provider of its own."""

    def __init__(
        self, provider: HostedProvider, stranger: Stranger, folder: Path, patch: pytest.MonkeyPatch
    ) -> None:
        self.provider = provider
        self.stranger = stranger
        self._folder = folder
        self._patch = patch
        self._clock = folder / "now"
        self._n = 0
        rows = (json.dumps({"prompt": f"question {n}", "completion": f"a {n}"}) for n in range(12))
        Path("rows.jsonl").write_text("\n".join(rows))
        patch.setenv("FTKIT_FAKE_URL", provider.url)
        patch.setenv("FTKIT_FAKE_API_KEY", KEY)
        patch.setenv("FTKIT_NOW", f"file:{self._clock}")

    def fresh(self) -> None:
        """A provider and a ledger that know of nothing."""
        self._clock.write_text("2026-11-25T12:00:00+00:00")
        self.other_machine()
        self.provider.reset()
        self.provider.set(now=f"file:{self._clock}")
        self.stranger.requests.clear()
        patience._budgets.clear()

    def other_machine(self) -> None:
        """From here on a ledger that is empty."""
        self._n += 1
        self._patch.setenv("FTKIT_HOME", str(self._folder / f"home{self._n}"))

    def trial(self, answer: FuzzedAnswer, story: str, *, process: bool) -> Trial:
        """The whole answer, in a story; `process`: the provider does what it was asked all the same."""
        return self.run(answer.name, story, kind_of(answer), self.order(answer, process))

    def grafted(self, answer: FuzzedAnswer, fields: Mapping[str, Any]) -> Trial:
        """Only the odd fields of the answer, laid over the provider's real reply."""
        order = {"action": "patch", "fields": dict(fields)}
        return self.run(f"{answer.name}, else right", answer.on, "odd fields", order)

    def order(self, answer: FuzzedAnswer, process: bool) -> dict[str, Any]:
        """The answer as a fault of the provider."""
        here = self.provider.url + PATHS.get(answer.on, "/v1/jobs/job-1")
        where = {"{other}": str(self.stranger.port), "{self}": here}
        headers = {
            name: re.sub(r"\{\w+\}", lambda match: where[match.group()], text)
            for name, text in answer.headers.items()
        }
        return {
            "action": answer.action,
            "status": answer.status,
            "headers": headers,
            "body_base64": base64.b64encode(answer.body).decode(),
            "process": process,
        }

    def run(self, name: str, story: str, kind: str, order: dict[str, Any]) -> Trial:
        """A submission with this fault at its step, and the same again without."""
        self.fresh()
        trial = Trial(name, story, kind)
        with peak(trial):
            STORIES[story](self, trial, order)
        self.provider.clear_faults()
        self._afterwards(trial)
        trial.to_stranger = len(self.stranger.requests)
        return trial

    def _afterwards(self, trial: Trial) -> None:
        """The same call again, settled by hand where only a person can know."""
        again = command(*SUBMIT)
        trial.after.append(again)
        if again.code == 4:
            trial.settled_by_hand = True
            trial.after += [command("job", "settle", "router", "--not-created"), command(*SUBMIT)]
        shown = command(*SHOW)
        trial.after.append(shown)
        counts = self.provider.counts()
        trial.jobs = counts["jobs"]
        trial.listed = shown.code == 0 and json.loads(shown.text)["id"] in counts["keys"]


def _in_create(bench: Bench, trial: Trial, order: dict[str, Any]) -> None:
    bench.provider.set(run_seconds=3600)  # a job that has ended is not asked for any more
    bench.provider.fault(CREATE, **order)
    trial.hostile.append(command(*SUBMIT))


def _in_list_elsewhere(bench: Bench, trial: Trial, order: dict[str, Any]) -> None:
    """Another machine has started the job: who cannot see it in the list must not start it again."""
    assert command(*SUBMIT).code == 0
    bench.other_machine()
    bench.provider.fault(LIST, times=None, **order)
    trial.hostile.append(command(*SUBMIT))


def _in_list_lost(bench: Bench, trial: Trial, order: dict[str, Any]) -> None:
    """The create's answer is lost, and the look for it gets the hostile one."""
    bench.provider.fault(LIST, times=None, skip=1, **order)
    bench.provider.fault(CREATE, "close", process=True)
    trial.hostile.append(command(*SUBMIT))
    trial.hostile.append(command("job", "settle", "router"))


def _in_upload(bench: Bench, trial: Trial, order: dict[str, Any]) -> None:
    bench.provider.fault(UPLOAD, times=None, **order)
    trial.hostile.append(command(*SUBMIT))


def _in_account(bench: Bench, trial: Trial, order: dict[str, Any]) -> None:
    bench.provider.fault(ROUTES["account"], times=None, **order)
    trial.hostile.append(command(*SUBMIT))


def _in_get(bench: Bench, trial: Trial, order: dict[str, Any]) -> None:
    bench.provider.set(run_seconds=3600)
    assert command(*SUBMIT).code == 0
    bench.provider.fault(ROUTES["get"], times=None, **order)
    for arguments in (SHOW, ("jobs",), ("job", "wait", "router", "--timeout-s", "0.5"), SUBMIT):
        trial.hostile.append(command(*arguments))


def _in_events(bench: Bench, trial: Trial, order: dict[str, Any]) -> None:
    bench.provider.set(run_seconds=3600)
    assert command(*SUBMIT).code == 0
    bench.provider.fault(ROUTES["events"], times=None, **order)
    trial.hostile.append(command("job", "events", "router"))
    trial.hostile.append(command("job", "events", "router", "--json"))


STORIES: dict[str, Callable[[Bench, Trial, dict[str, Any]], None]] = {
    "create": _in_create,
    "list": _in_list_elsewhere,
    "list, after a lost create": _in_list_lost,
    "upload": _in_upload,
    "account": _in_account,
    "get": _in_get,
    "events": _in_events,
}


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
