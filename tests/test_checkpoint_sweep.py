"""Training killed at any of its writes, or with a disk that fails there, and run again: the same bits, no step made too often.

A sample in the normal run, every call in the torture run. The judge itself is shown to see: it sweeps a trainer that only adds
numbers up, right or wrong in one way each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from tests.checkpoint_sweep import Sweep
from tests.faults import attached
from tests.faults.attached import Point
from tests.faults.strace import Errno
from tests.programs.steps_trainer import WRONG

REASON = attached.unavailable()
pytestmark = pytest.mark.skipif(REASON is not None, reason=REASON or "")

STEPS, EVERY = 12, 3


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sweep]:
    """Trials of the real trainer with a tiny model and held-out rows."""
    pytest.importorskip("torch", reason="needs the extra 'local'")
    from tests.local_runs import Home, conversation
    from tests.tiny import tiny_model_folder

    folder = tmp_path_factory.mktemp("real")
    home = Home(folder / "prepared", tiny_model_folder(folder / "base"))
    home.path.mkdir()
    request = home.request(
        "ftkrun1",
        rows=[conversation(n) for n in range(11)],
        validation=[conversation(n) for n in range(20, 24)],
        max_steps=STEPS,
        epochs=3,
        batch_size=3,
        seed=7,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ftkit_local.training.start_trainer", lambda run: True)
        replace(home, checkpoint_steps=EVERY).training.submit(request)
    run: Path = home.run("ftkrun1").path
    with Sweep(run, "tests.programs.warmed_trainer", folder / "sweep") as sweep:
        yield sweep


@pytest.fixture
def swept(real: Sweep) -> Sweep:
    """The same with nothing found yet."""
    real.faults.clear()
    real.found.clear()
    return real


def toy(tmp_path: Path, wrong: str = "") -> Sweep:
    template = tmp_path / "toy"
    template.mkdir()
    spec = {"steps": STEPS, "checkpoint_steps": EVERY, "wrong": wrong}
    (template / "spec.json").write_text(json.dumps(spec))
    return Sweep(template, "tests.programs.steps_trainer", tmp_path / "sweep")


def ends(sweep: Sweep, points: list[Point]) -> None:
    """Print the numbers; nothing may have been wrong in any trial."""
    print(sweep.report(points))
    for what, fault in sweep.faults:
        print(f"{what}: {fault}")
    assert sweep.faults == []


def result_confirmed(sweep: Sweep) -> Point:
    """The call that makes the name of the result durable."""
    points = sweep.points()
    named = max(points.index(point) for point in sweep.points("/result.json"))
    return next(point for point in points[named:] if point[0] == "fsync")


def test_training_killed_at_a_sample_of_its_writes_goes_on_to_the_same_bits(swept: Sweep) -> None:
    points = swept.points()
    assert len(points) > 100
    kept, told = swept.points("/checkpoints"), swept.points("/events.jsonl")
    for point in [*kept[6::12], *told[9::12], *points[-25::12]]:
        if not swept.faults:
            swept.kill(point)
    swept.kill_in_step(5)
    swept.kill_often(1, points, 3)
    ends(swept, points)
    assert swept.found["killed at a call"] >= 10


def test_what_a_power_cut_left_of_a_checkpoint_is_not_gone_on_from(swept: Sweep) -> None:
    points = swept.points()
    result = max(at for at, (syscall, _) in enumerate(points) if syscall == "rename")
    for name, content in (("weights.safetensors", b""), ("manifest.json", b'{"format": 1, "st')):
        swept.spoil(points[result], name, content)
    ends(swept, points)


def test_a_disk_that_fails_at_a_sample_of_the_writes_spoils_no_checkpoint(swept: Sweep) -> None:
    kept, told = swept.points("/checkpoints"), swept.points("/events.jsonl")
    swept.fail(kept[len(kept) // 3], "ENOSPC")
    swept.fail(kept[len(kept) // 2], "EIO", for_good=True)
    for point in [told[len(told) // 2], swept.points("/.adapter")[2], result_confirmed(swept)]:
        if not swept.faults:
            swept.fail(point, "EIO")
    for syscall in ("ftruncate", "renameat"):  # that of the second checkpoint
        ours = [point for point in kept if point[0] == syscall]
        swept.fail_and_kill(ours[len(ours) // 2], "ENOSPC", 8)
    ends(swept, kept)
    assert swept.found["a call failed"] == 5
    assert swept.found["failed and killed"] == 2


def test_the_judge_finds_nothing_in_a_trainer_that_is_right(tmp_path: Path) -> None:
    with toy(tmp_path) as sweep:
        points = sweep.points()
        for point in points[::4]:
            sweep.kill(point)
        for step in (1, 7, 12):
            sweep.kill_in_step(step)
        sweep.kill_often(1, points, 4)
        kept = [point for point in sweep.points("/checkpoints") if point[0] == "write"]
        sweep.fail_and_kill(kept[len(kept) // 2], "EIO", 8)
        for point in points[::9]:
            sweep.fail(point, "ENOSPC")
            sweep.fail(point, "EIO", for_good=True)
    ends(sweep, points)
    assert sweep.found["killed at a call"] >= 20


@pytest.mark.parametrize(("wrong", "said"), WRONG.items())
def test_the_judge_sees_a_trainer_that_is_wrong(wrong: str, said: str, tmp_path: Path) -> None:
    def seen() -> bool:
        return any(said in fault for _, fault in sweep.faults)

    with toy(tmp_path, wrong) as sweep:
        kept = [point for point in sweep.points("/checkpoints") if point[0] == "write"]
        sweep.fail_and_kill(kept[len(kept) // 2], "EIO", 8)
        for number, point in enumerate(sweep.points()[::3]):
            if not seen():
                sweep.fail(point, "ENOSPC") if number % 3 == 2 else sweep.kill(point)
    assert seen(), sweep.faults


@pytest.mark.torture
def test_training_killed_at_every_write_goes_on_to_the_same_bits(swept: Sweep) -> None:
    points = swept.points()
    for point in points:
        swept.kill(point)
    for step in range(1, STEPS + 1):
        swept.kill_in_step(step)
    for seed in range(10):
        swept.kill_often(seed, points, 4)
    ends(swept, points)
    assert swept.found["killed at a call"] == len(points)
    assert swept.found["killed in a step"] == STEPS


@pytest.mark.torture
@pytest.mark.parametrize("for_good", [False, True])
@pytest.mark.parametrize("error", get_args(Errno))
def test_a_disk_that_fails_at_any_write_spoils_no_checkpoint(
    error: Errno, for_good: bool, swept: Sweep
) -> None:
    points = swept.points()
    for point in points:
        swept.fail(point, error, for_good=for_good)
    ends(swept, points)
    assert swept.found["a call failed"] == len(points)


@pytest.mark.torture
def test_the_judge_finds_nothing_at_any_write_of_a_trainer_that_is_right(tmp_path: Path) -> None:
    with toy(tmp_path) as sweep:
        points = sweep.points()
        for point in points:
            sweep.kill(point)
            for error in get_args(Errno):
                sweep.fail(point, error)
                sweep.fail(point, error, for_good=True)
    ends(sweep, points)
