"""The planter that starts programs warm: each run is a process of its own, begins at the gate, and can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.warm import Warm

PROGRAM = """
import os, sys, signal
print(os.getpid(), sys.argv[1:], os.environ["PLACE"], os.getcwd(), flush=True)
if "wait" in sys.argv:
    signal.pause()
if "fractions" in sys.argv:
    import fractions
if "imported?" in sys.argv:
    print("fractions" in sys.modules, flush=True)
if "fail" in sys.argv:
    raise ValueError("as asked")
if "code" in sys.argv:
    sys.exit(4)
"""


@pytest.fixture
def warm(tmp_path: Path) -> Iterator[Warm]:
    (tmp_path / "program.py").write_text(PROGRAM)
    env = os.environ | {"PYTHONPATH": str(tmp_path), "PLACE": "here"}
    with Warm("program", env, tmp_path) as started:
        yield started


def test_each_run_is_a_process_of_its_own_with_its_own_words(warm: Warm, tmp_path: Path) -> None:
    first, second = warm.run(["a"]), warm.run(["b", "c"])
    assert first.stdout.split(" ", 1)[1] == f"['a'] here {tmp_path}\n"
    assert second.stdout.split(" ", 1)[1] == f"['b', 'c'] here {tmp_path}\n"
    assert len({os.getpid(), int(first.stdout.split()[0]), int(second.stdout.split()[0])}) == 3


def test_a_run_ends_as_python_does(warm: Warm) -> None:
    assert warm.run(["code"]).returncode == 4
    failed = warm.run(["fail"])
    assert failed.returncode == 1
    assert failed.stderr.endswith("ValueError: as asked\n")


def test_what_a_run_imports_is_there_before_the_next_one(warm: Warm) -> None:
    assert warm.run(["imported?"]).stdout.endswith("False\n")
    assert warm.learn(["fractions"]).returncode == 0
    assert warm.run(["imported?"]).stdout.endswith("True\n")


def test_no_run_begins_before_the_gate_opens(warm: Warm) -> None:
    runs = [warm.start([]) for _ in range(5)]
    for run in runs:
        os.kill(run, signal.SIGKILL)
    assert [warm.wait(run).returncode for run in runs] == [-9] * 5
    late = [warm.start([], env={"PLACE": str(number)}) for number in range(5)]
    warm.go()
    ended = [warm.wait(run) for run in late]
    assert [end.stdout.split()[2] for end in ended] == list("01234")


def test_a_run_that_does_not_end_is_said_to_have_run_out_of_time(warm: Warm) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        warm.run(["wait"], timeout_s=0.5)
