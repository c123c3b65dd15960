"""A training run killed at its system calls, or with a failing disk, and run again: is it as one that was never disturbed?

A prepared run folder is the template; each trial has a copy of it. Nothing here imports ftkit: the program is a module
that is run, and what it leaves is judged from the files.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests import checkpoint_judging as judging
from tests.checkpoint_judging import Ending, Event
from tests.faults import attached
from tests.faults.attached import Point, Traced
from tests.faults.strace import Errno, Trace, kill_points, shadowed
from tests.faults.warm import Warm

ROOT = Path(__file__).parents[1]
_KILLED = -signal.SIGKILL


class Sweep:
    """Trials of one prepared run. `faults` says what was wrong in which trial, `found` counts.

    `program` is a module that takes a run's folder; it ends well (0) with a result, and goes on where it was killed.
    """

    def __init__(self, template: Path, program: str, folder: Path) -> None:
        self._template = template
        self._program = program
        self._folder = folder
        self._env = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "backends")]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
            "FTKIT_HOME": str(folder),
        }
        self._warm = Warm(program, self._env, folder)
        spec = json.loads((template / "spec.json").read_text())
        self._steps, self._every = int(spec["steps"]), int(spec["checkpoint_steps"])
        self._trials = 0
        self._states: dict[tuple[str, str], str] = {}  # tensors of every checkpoint seen, by hash
        self.faults: list[tuple[str, str]] = []
        self.found: Counter[str] = Counter()

    def __enter__(self) -> Self:
        """Learns what an undisturbed run leaves that begins cold: all are compared with that."""
        self._folder.mkdir(parents=True)
        self._warm.__enter__()
        run = self._fresh()
        ended = self._warm.learn([str(run)])
        assert ended.returncode == 0, ended.stderr
        self._whole = Ending(run)
        self._judge("an undisturbed run", run, 0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._warm.__exit__(kind, error, traceback)

    def points(self, part: str = "") -> list[Point]:
        """Every call that writes into the run's folder, or into this part of it, in their order."""
        run = self._fresh()
        whole = attached.traced(self._warm, [str(run)], [("run", str(run))])
        self._judge("an undisturbed traced run", run, 0)
        trace = Trace(whole.calls, 0, b"", b"")
        assert shadowed(trace, ["run"]) == 0, "calls that nobody would be killed at"
        ours = [call for call in whole.calls if call.category == "run"]
        for fault in judging.not_durable(ours, run):
            self._blame("an undisturbed traced run", fault.replace(str(run), "RUN"))
        here = tuple(call for call in ours if part in call.where.replace(str(run), ""))
        return kill_points(Trace(here, 0, b"", b""), ["run"])

    def kill(self, point: Point) -> None:
        """Kill a run at this call, and run it again."""
        run = self._fresh()
        struck = attached.killed(self._warm, [str(run)], point, [("run", str(run))])
        self.found["killed at a call"] += struck.ended.returncode == _KILLED
        what = f"killed at {_words(point, struck, run)}"
        self._require_progress(what, run, [])
        self._go_on(what, run, kills=1)

    def kill_in_step(self, step: int) -> None:
        """Kill a run as soon as it has said that the step before this one is done: while it computes."""
        run = self._fresh()
        pid = self._warm.start([str(run)])
        self._warm.go()
        attached.kill_when(pid, lambda: _said(run, step - 1))
        self.found["killed in a step"] += self._warm.wait(pid).returncode == _KILLED
        self._require_progress(f"killed in step {step}", run, [])
        self._go_on(f"killed in step {step}", run, kills=1)

    def kill_often(self, seed: int, points: Sequence[Point], times: int) -> None:
        """Kill one run again and again at calls by chance, also where it has gone on from a checkpoint."""
        run, chance = self._fresh(), random.Random(seed)
        chosen = [chance.choice(points) for _ in range(times)]
        what, kills = f"killed at {chosen}", 0
        for point in chosen:
            told = judging.events(run)
            struck = attached.killed(self._warm, [str(run)], point, [("run", str(run))])
            kills += struck.ended.returncode == _KILLED
            self._require_progress(what, run, told)
            self._newest(what, run)
        self.found["killed again and again"] += kills
        self._go_on(what, run, kills)

    def fail(self, point: Point, error: Errno, *, for_good: bool = False) -> None:
        """Let this call fail, or every such call from it on; then run again with the disk well."""
        run = self._fresh()
        struck = attached.failing(
            self._warm, [str(run)], point, error, [("run", str(run))], for_good=for_good
        )
        self.found["a call failed"] += any(call.n >= point[1] for call in struck.calls)
        what = f"{error} at {_words(point, struck, run)}" + " and from then on" * for_good
        if struck.ended.returncode == 0:
            self.found["ended well in spite of the disk"] += 1
        elif (run / "result.json").exists():
            self._blame(
                what, f"exit code {struck.ended.returncode}, and a result: {Ending(run).status}"
            )
        hidden = sorted(str(path.relative_to(run)) for path in run.rglob(".*"))
        if hidden and not for_good:
            self._blame(what, f"half-written things are left: {hidden}")
        # without a checkpoint all steps may have to be made again
        self._go_on(what, run, kills=-(-self._steps // self._every))

    def fail_and_kill(self, point: Point, error: Errno, step: int) -> None:
        """Let this call of a checkpoint fail, and kill the run when it has come to this step without it."""
        run = self._fresh()
        where = [("run", str(run))]
        struck = attached.failing(
            self._warm, [str(run)], point, error, where, until=lambda: _said(run, step)
        )
        what = f"{error} at {_words(point, struck, run)}, killed behind step {step}"
        if not judging.steps_of(judging.events(run), "checkpoint failed"):
            self._blame(what, "no word of it")
        self.found["failed and killed"] += struck.ended.returncode == _KILLED
        self._go_on(what, run, kills=2)

    def spoil(self, point: Point, name: str, content: bytes) -> None:
        """Kill a run at this call, and put `content` in the place of a file of its newest checkpoint, as a power cut may."""
        run = self._fresh()
        attached.killed(self._warm, [str(run)], point, [])
        newest = judging.checkpoints(run)[-1][0]
        (newest / name).write_bytes(content)
        (older,) = [int(path.name[5:]) for path, fault in judging.checkpoints(run) if not fault]
        what = f"{newest.name}/{name} became {content!r}"
        self._again(what, run, older)
        self._judge(what, run, kills=2)
        self.found["spoiled"] += 1

    def report(self, points: Sequence[Point]) -> str:
        """The numbers."""
        return f"\n{self._program}: {len(points)} calls, {self._trials} runs, {dict(self.found)}"

    def _fresh(self) -> Path:
        shutil.rmtree(self._folder / f"{self._trials}", ignore_errors=True)
        self._trials += 1
        runs = self._folder / f"{self._trials}" / "runs"
        return Path(shutil.copytree(self._template, runs / self._template.name))

    def _go_on(self, what: str, run: Path, kills: int) -> None:
        """Judge what a disturbed run has left, run it again, and judge the end."""
        self._again(what, run, self._newest(what, run))
        self._judge(what, run, kills)

    def _again(self, what: str, run: Path, newest: int) -> None:
        """Run it again: it goes on behind this checkpoint."""
        told = judging.events(run)
        again = self._warm.run([str(run)])
        if again.returncode != 0:
            self._blame(what, f"exit code {again.returncode}: {again.stderr[-600:]}")
        more = self._told_since(what, run, told)
        behind = judging.steps_of(more, "resumed")
        if newest < self._steps:
            if told and behind != [newest]:
                self._blame(what, f"went on behind {behind}, a whole checkpoint was {newest}")
            if (steps := judging.steps_of(more)) != list(range(newest + 1, self._steps + 1)):
                self._blame(what, f"took the steps {steps} behind the checkpoint {newest}")

    def _told_since(self, what: str, run: Path, told: list[Event]) -> list[Event]:
        now = judging.events(run)
        if now[: len(told)] != told:
            self._blame(what, "events of before have changed")
        return now[len(told) :]

    def _newest(self, what: str, run: Path) -> int:
        """The step of the newest whole checkpoint, all of them judged; the last step where there is a result."""
        if (run / "result.json").exists():
            return self._steps
        newest = 0
        found = judging.checkpoints(run)
        for folder, fault in found:
            if fault is None:
                newest = int(folder.name.removeprefix("step-"))
                self._require_same_state(what, folder)
            elif (folder / "manifest.json").exists():
                self._blame(what, f"{folder.name} has a manifest, and {fault}")
            elif folder == found[-1][0]:  # an older one is being removed
                self._blame(what, f"{folder.name}, the newest, has no manifest")
        for step in judging.steps_of(judging.events(run), "checkpoint failed"):
            if half := list((run / "checkpoints").glob(f".step-{step:08d}*")):
                self._blame(what, f"half-written things are left: {half}")
        promised = max(judging.steps_of(judging.events(run), "checkpoint"), default=0)
        if newest < promised:
            self._blame(what, f"step {promised} was kept, and the newest whole one is {newest}")
        return newest

    def _require_same_state(self, what: str, checkpoint: Path) -> None:
        for name in judging.TENSORS:
            if (checkpoint / name).exists():
                state = judging.sha256(checkpoint / name)
                if self._states.setdefault((checkpoint.name, name), state) != state:
                    self._blame(what, f"{checkpoint.name}/{name} is another one")

    def _require_progress(self, what: str, run: Path, told: list[Event]) -> None:
        """A killed run has its steps in order, and loses no more of them than lie between two checkpoints."""
        steps = judging.steps_of(self._told_since(what, run, told))
        if steps and steps != list(range(steps[0], steps[0] + len(steps))):
            self._blame(what, f"took the steps {steps}")
        newest = self._newest(what, run)
        if newest < (max(steps, default=0) - 1) // self._every * self._every:
            self._blame(what, f"step {steps[-1]} was done, the newest checkpoint is {newest}")

    def _judge(self, what: str, run: Path, kills: int) -> None:
        """Compare the end of a run with that of the undisturbed one."""
        self.found["ends judged"] += 1
        if not (run / "result.json").exists():
            self._blame(what, "there is no result")
            return
        end, whole = Ending(run), self._whole
        if end.status != "succeeded":
            self._blame(what, f"the result is {end.status}")
        if end.adapter != whole.adapter:
            self._blame(what, "another adapter")
        if more := end.names - whole.names or whole.names - end.names:
            self._blame(what, f"other files than else: {sorted(more)}")
        if end.leftovers:
            self._blame(what, f"left behind the result: {end.leftovers}")
        if end.ids != list(range(1, len(end.ids) + 1)):
            self._blame(what, f"event ids {end.ids}")
        right = {one["step"]: judging.numbers(one) for one in whole.steps}
        if list(right) != list(range(1, self._steps + 1)):
            self._blame(what, f"steps of the undisturbed run: {list(right)}")
        other = {one["step"] for one in end.steps if judging.numbers(one) != right[one["step"]]}
        if other:
            self._blame(what, f"other numbers in the steps {sorted(other)}")
        made, allowed = len(end.steps), self._steps + kills * self._every
        if {one["step"] for one in end.steps} != set(right) or made > allowed:
            self._blame(what, f"{made} steps, allowed {allowed}")
        self.found["steps made again"] += made - self._steps

    def _blame(self, what: str, fault: str) -> None:
        self.faults.append((what, fault))


def _said(run: Path, step: int) -> bool:
    """True where a run has told of this step (of anything, where that is 0), or has its result."""
    events = run / "events.jsonl"
    return (run / "result.json").exists() or (
        events.exists() and (f'"step": {step},' if step else "") in events.read_text()
    )


def _words(point: Point, struck: Traced, run: Path) -> str:
    call = next((one for one in struck.calls if one.n == point[1]), None)
    where = call.where.replace(str(run), "RUN") if call else "never reached"
    return f"{point[0]} {point[1]} ({where})"
