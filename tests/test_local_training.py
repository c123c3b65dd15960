"""A local job survives whoever started it, is never run twice, and its folder tells the truth however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'local'")

from filelock import FileLock

from ftkit import clock
from ftkit.backend import JobStatus, Refused, Remote
from ftkit.errors import NotFound, StorageError, TrainingError
from ftkit.hyperparameters import Hyperparameters, Method
from ftkit_local import locks
from ftkit_local.allocator import allocator_environment, allocator_in_use
from ftkit_local.launch import trainer_environment
from ftkit_local.runs import RunFolder
from ftkit_local.trainer.journal import Journal
from tests.local_runs import Home
from tests.tiny import tiny_model_folder

pytestmark = pytest.mark.skipif(os.name != "posix", reason="tried on POSIX systems only")
PATIENCE_S = 240


@pytest.fixture(scope="session")
def base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model_folder(tmp_path_factory.mktemp("base") / "tiny-llama")


@pytest.fixture
def here(tmp_path: Path, base_folder: Path) -> Home:
    return Home(tmp_path, base_folder)


def wait_until(here: Home, key: str, reached: Any) -> Remote:
    for _ in range(PATIENCE_S * 10):
        state = here.training.get(key)
        if reached(state):
            return state
        clock.sleep(0.1)
    raise AssertionError(f"still {state}; its log: {here.run(key).log_tail()}")


def finished(state: Remote) -> bool:
    return state.status.final


def stepping(state: Remote) -> bool:
    return state.progress is not None or state.status.final


def trainer_pid(run: RunFolder) -> int:
    return next(int(event.data["pid"]) for event in run.events() if event.type == "started")


# --- one job, whatever happens -----------------------------------------------------------------------------------


def test_a_submitted_run_is_trained_once_however_often_it_is_submitted(here: Home) -> None:
    request = here.request("ftkonce1", epochs=2)

    states = [here.training.submit(request) for _ in range(3)]
    by_hand = subprocess.run(
        [sys.executable, "-m", "ftkit_local.trainer", str(here.run("ftkonce1").path)],
        capture_output=True,
        check=True,
    )
    last = wait_until(here, "ftkonce1", finished)
    again = here.training.submit(request)

    assert {state.id for state in states} == {"ftkonce1"}
    assert by_hand.stdout + by_hand.stderr == b""
    assert last.status is again.status is JobStatus.SUCCEEDED
    events = list(here.training.events("ftkonce1", 0))
    assert [event.type for event in events].count("started") == 1
    assert [event.data["step"] for event in events if event.type == "step"] == [1, 2, 3, 4, 5, 6]
    assert [event.id for event in here.training.events("ftkonce1", 4)] == [
        event.id for event in events[4:]
    ]
    assert here.training.find("ftkonce1") == [last]
    assert here.training.result("ftkonce1").rows == 12


def test_the_submitter_keeps_no_child_and_leaves_no_zombie(here: Home) -> None:
    import psutil

    here.training.submit(here.request("ftkorphan"))

    children = [child.pid for child in psutil.Process().children()]
    wait_until(here, "ftkorphan", stepping)

    assert trainer_pid(here.run("ftkorphan")) not in children
    assert not [c for c in psutil.Process().children() if c.status() == psutil.STATUS_ZOMBIE]
    assert os.getsid(trainer_pid(here.run("ftkorphan"))) != os.getsid(0)
    assert wait_until(here, "ftkorphan", finished).status is JobStatus.SUCCEEDED


def test_a_run_goes_on_when_its_submitter_is_killed(here: Home) -> None:
    here.training.base(str(here.base_folder))
    code = (
        "import sys, signal, os; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path; from tests.local_runs import Home\n"
        "home = Home(Path(sys.argv[2]), Path(sys.argv[3]))\n"
        "home.training.submit(home.request('ftkalone', epochs=3))\n"
        "os.killpg(os.getpgid(0), signal.SIGKILL)\n"
    )
    submitter = subprocess.run(
        [
            sys.executable,
            "-c",
            code,
            str(Path(__file__).parents[1]),
            str(here.path),
            str(here.base_folder),
        ],
        start_new_session=True,
        check=False,
    )

    assert submitter.returncode == -signal.SIGKILL
    assert wait_until(here, "ftkalone", finished).status is JobStatus.SUCCEEDED


def test_a_killed_trainer_leaves_a_failed_run_that_says_died(here: Home) -> None:
    here.training.submit(here.request("ftkkilled", epochs=500))
    assert wait_until(here, "ftkkilled", stepping).status is JobStatus.RUNNING

    os.kill(trainer_pid(here.run("ftkkilled")), signal.SIGKILL)

    state = wait_until(here, "ftkkilled", finished)
    assert (state.status, state.raw_status) == (JobStatus.FAILED, "died")
    assert state.error is not None and str(here.run("ftkkilled").log) in state.error
    assert not here.run("ftkkilled").alive()
    with pytest.raises(TrainingError, match="has no model, it is failed: the trainer ended"):
        here.training.result("ftkkilled")


def test_of_many_who_resume_a_dead_run_one_starts_it_and_it_trains_anew_to_its_end(
    here: Home,
) -> None:
    here.training.submit(here.request("ftkdied1", epochs=20))
    wait_until(here, "ftkdied1", stepping)
    run = here.run("ftkdied1")
    assert here.training.resume("ftkdied1") is False  # it lives
    os.kill(trainer_pid(run), signal.SIGKILL)
    wait_until(here, "ftkdied1", finished)
    before = list(here.training.events("ftkdied1", 0))

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda _: here.training.resume("ftkdied1"), range(8)))
    assert sum(won) == 1
    assert wait_until(here, "ftkdied1", finished).status is JobStatus.SUCCEEDED
    assert here.training.resume("ftkdied1") is False  # it has ended

    events = list(here.training.events("ftkdied1", 0))
    assert events[: len(before)] == before
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    types = [event.type for event in events[len(before) :]]
    assert types[:3] == ["started", "plan", "resumed"]
    assert events[len(before) + 2].data["step"] == 0  # it died before its first checkpoint
    anew = [event.data["step"] for event in events[len(before) :] if event.type == "step"]
    assert anew == list(range(1, len(anew) + 1)) == list(range(1, events[-1].data["steps"] + 1))


def test_a_dead_run_that_was_asked_to_stop_is_not_resumed(here: Home) -> None:
    here.training.submit(here.request("ftkdied2", epochs=500))
    wait_until(here, "ftkdied2", stepping)
    os.kill(trainer_pid(here.run("ftkdied2")), signal.SIGKILL)
    wait_until(here, "ftkdied2", finished)
    here.training.cancel("ftkdied2")
    assert here.training.resume("ftkdied2") is False


def test_a_run_that_was_prepared_but_never_started_is_started_by_the_next_look(
    here: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("ftkit_local.training.start_trainer", lambda run: False)
        state = here.training.submit(here.request("ftkleft"))
    assert (state.status, state.raw_status) == (JobStatus.QUEUED, "prepared")

    assert wait_until(here, "ftkleft", finished).status is JobStatus.SUCCEEDED


def test_a_run_waits_for_the_device_and_can_be_cancelled_while_it_waits(here: Home) -> None:
    from ftkit_local.device import choose_device, lock_name

    device = here.path / "locks" / lock_name(choose_device())
    device.parent.mkdir()
    with FileLock(device):
        here.training.submit(here.request("ftkqueued"))
        state = wait_until(here, "ftkqueued", lambda state: state.raw_status == "queued")
        assert state.status is JobStatus.QUEUED
        here.training.cancel("ftkqueued")
        assert wait_until(here, "ftkqueued", finished).status is JobStatus.CANCELLED

    assert [event.type for event in here.run("ftkqueued").events()] == ["queued", "cancelled"]


def test_cancelling_a_run_that_never_started_needs_no_trainer(
    here: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ftkit_local.training.start_trainer", lambda run: False)
    here.training.submit(here.request("ftkidle"))

    here.training.cancel("ftkidle")

    assert here.training.get("ftkidle").status is JobStatus.CANCELLED
    assert not here.run("ftkidle").was_started()


def test_only_one_of_many_starters_gets_the_lock_and_the_child_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lock = locks.take(path)
    assert lock is not None
    child = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"],
        stdin=subprocess.PIPE,
        pass_fds=(lock.descriptor,),
    )
    assert locks.take(path) is None
    lock.release()
    assert locks.held(path)

    child.kill()
    child.wait()
    assert not locks.held(path)


def test_a_trainer_that_cannot_be_started_is_an_error_and_not_a_dead_run(
    here: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any, **options: Any) -> None:
        raise OSError(11, "no process to be had")

    monkeypatch.setattr("ftkit_local.launch.subprocess.run", refuse)
    with pytest.raises(StorageError, match="cannot be started"):
        here.training.submit(here.request("ftknofork"))
    monkeypatch.undo()

    assert wait_until(here, "ftknofork", finished).status is JobStatus.SUCCEEDED


# --- what is refused before anything is started ------------------------------------------------------------------


def test_a_base_with_other_content_than_planned_is_refused(here: Home) -> None:
    request = here.request("ftkother")
    changed = replace(request, base=replace(request.base, snapshot="sha256:0"))

    with pytest.raises(Refused, match="planned for sha256:0"):
        here.training.submit(changed)
    assert here.training.find("ftkother") == []


def test_settings_that_nobody_decided_and_unknown_record_fields_are_refused(here: Home) -> None:
    request = here.request("ftkopen")

    with pytest.raises(Refused, match="learning_rate is not decided"):
        here.training.submit(replace(request, hyperparameters=Hyperparameters()))
    with pytest.raises(Refused, match="no field 'colour'"):
        here.training.submit(replace(request, record={"colour": "red"}))
    assert not (here.path / "runs").exists()


@pytest.mark.parametrize("key", ["ftknone", "../runs", "", "a/b"])
def test_an_unknown_run_is_not_found(here: Home, key: str) -> None:
    assert here.training.find(key) == []
    with pytest.raises(NotFound, match="there is no local run"):
        here.training.get(key)


# --- the folder --------------------------------------------------------------------------------------------------


def journal_with(tmp_path: Path, lines: bytes) -> RunFolder:
    run = RunFolder(tmp_path / "runs" / "ftkx")
    run.path.mkdir(parents=True)
    run.events_file.write_bytes(lines)
    return run


def line(number: int, type: str = "step") -> bytes:
    event = {"id": number, "at": "2026-01-01T00:00:00+00:00", "type": type, "message": "x"}
    return json.dumps(event | {"data": {}}).encode() + b"\n"


def test_a_half_written_last_event_is_left_until_it_is_whole(tmp_path: Path) -> None:
    run = journal_with(tmp_path, line(1) + line(2) + line(3)[:20])

    assert [event.id for event in run.events()] == [1, 2]
    assert [event.id for event in run.events(after=1)] == [2]


def test_a_new_event_is_not_glued_to_the_torn_line_of_a_killed_writer(tmp_path: Path) -> None:
    run = journal_with(tmp_path, line(1) + line(2)[:20])

    journal = Journal(run)
    journal.write("step", "next", loss=1.5)
    journal.close()

    assert [(event.id, event.message) for event in run.events()] == [(1, "x"), (2, "next")]
    assert list(run.events())[1].data == {"loss": 1.5}


def test_a_damaged_event_is_an_error_that_names_its_line(tmp_path: Path) -> None:
    run = journal_with(tmp_path, line(1) + b"{}\n" + line(3))

    with pytest.raises(StorageError, match="line 2: not an event"):
        list(run.events())


def test_the_trainer_sees_no_credentials() -> None:
    parent = {
        "PATH": "/bin",
        "LC_ALL": "C.UTF-8",
        "FTKIT_NOW": "2026-01-01",
        "FTKIT_NOW_ANCHOR": "x",
        "OPENAI_API_KEY": "secret",
        "HF_TOKEN": "secret",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }

    seen = trainer_environment(parent)

    assert "secret" not in seen.values()
    assert seen.items() >= {"PATH": "/bin", "LC_ALL": "C.UTF-8", "FTKIT_NOW": "2026-01-01"}.items()
    assert seen["FTKIT_NOW_ANCHOR"] == "x" and seen["HF_HUB_OFFLINE"] == "1"
    assert seen["GOMP_SPINCOUNT"] == "1000"
    chosen = trainer_environment({"OMP_WAIT_POLICY": "active"})
    assert chosen["OMP_WAIT_POLICY"] == "active" and "GOMP_SPINCOUNT" not in chosen


def test_an_allocator_that_the_user_chose_is_left_alone() -> None:
    chosen = {"LD_PRELOAD": "libjemalloc.so.2", "PATH": "/bin"}

    assert allocator_environment(chosen) == {"LD_PRELOAD": "libjemalloc.so.2"}
    assert allocator_in_use(chosen) == "preloaded libjemalloc.so.2"
    assert allocator_in_use({}) == "the system's"


def test_tcmalloc_is_used_where_it_is_installed_and_said_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("ctypes.util.find_library", lambda name: f"lib{name}.so.4")

    assert allocator_environment({}) == {"LD_PRELOAD": "libtcmalloc_minimal.so.4"}
    assert allocator_in_use(allocator_environment({})) == "tcmalloc_minimal"

    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    assert allocator_environment({}) == {}


# --- the real model ----------------------------------------------------------------------------------------------


@pytest.mark.real
def test_the_real_model_learns_a_word_that_it_did_not_know(tmp_path: Path) -> None:
    from ftkit.catalogue.schema import load_catalogue
    from ftkit.data.example import Message
    from ftkit_local import training

    catalogue = load_catalogue(Path(training.__file__).with_name("catalogue.toml"))
    here = Home(tmp_path, "smollm2-135m", catalogue)
    rows = [[Message("user", f"Ticket {n}"), Message("assistant", "zorblax")] for n in range(16)]

    here.training.submit(here.request("ftkreal", rows, epochs=1))
    state = wait_until(here, "ftkreal", finished)

    assert state.status is JobStatus.SUCCEEDED, state.error
    steps = [e.data for e in here.training.events("ftkreal", 0) if e.type == "step"]
    assert steps[-1]["loss"] < steps[0]["loss"] / 2
    assert here.training.result("ftkreal").method == Method.LORA
