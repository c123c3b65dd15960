"""A run that was killed goes on behind its last checkpoint and ends in the bits of one that never was.

What happens at each system call of a checkpoint is in test_checkpoint_sweep.
"""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'local'")

from ftkit.backend import JobStatus
from ftkit.errors import TrainingError
from ftkit.hyperparameters import Method
from ftkit_local.runs import RunFolder
from ftkit_local.trainer import checkpoint, loop
from ftkit_local.trainer.__main__ import main
from tests import prepared_runs
from tests.local_runs import conversation

base_folder = prepared_runs.base_folder
here = prepared_runs.here
torch_as_before = prepared_runs.torch_as_before

STEPS, EVERY = 12, 3
Run = Callable[..., RunFolder]


class Killed(BaseException):
    """Ends the trainer where it stands: nothing catches it, as nothing catches SIGKILL."""


@pytest.fixture
def prepared(here: Any, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr("ftkit_local.training.start_trainer", lambda run: True)

    def prepare(key: str = "ftkrun1", **options: Any) -> RunFolder:
        settings = {"max_steps": STEPS, "epochs": 3, "batch_size": 3, "seed": 7, **options}
        rows = [conversation(n) for n in range(11)]
        request = here.request(key, rows=rows, **settings)
        replace(here, checkpoint_steps=EVERY).training.submit(request)
        run: RunFolder = here.run(key)
        return run

    return prepare


def ended(run: RunFolder) -> dict[str, str]:
    """What the run has left of weights, by hash, and of steps, without times."""
    assert run.state().status is JobStatus.SUCCEEDED, run.state().error
    folder = run.published()
    assert folder is not None
    hashes = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.glob("*.safetensors")
    }
    return {**hashes, "steps": json.dumps(steps(run, latest=True))}


def steps(run: RunFolder, *, latest: bool = False) -> list[dict[str, Any]]:
    """The step events, all or the latest of each step."""
    found = [
        {name: value for name, value in event.data.items() if name != "seconds"}
        for event in run.events()
        if event.type in ("step", "validation")
    ]
    if not latest:
        return found
    last = {(one["step"], "learning_rate" in one): one for one in found}
    return [last[key] for key in sorted(last)]


def kept(run: RunFolder) -> list[Path]:
    return sorted((run.path / checkpoint.FOLDER).glob("step-*"))


def killed_in(run: RunFolder, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Train until this step's gradients are wanted, and no further."""
    true_gradients = loop.accumulate_gradients
    done = max((int(path.name.removeprefix("step-")) for path in kept(run)), default=0)
    begun = iter(range(done + 1, STEPS + 1))

    def dying(model: Any, rows: Any, work: Any) -> float:
        if next(begun) == step:
            raise Killed
        return true_gradients(model, rows, work)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "accumulate_gradients", dying)
        with pytest.raises(Killed):
            main([str(run.path)])


def test_killed_in_any_step_it_ends_in_the_same_bits(
    prepared: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = prepared("ftkwhole")
    assert main([str(whole.path)]) == 0
    expected = ended(whole)
    for step in range(1, STEPS + 1):
        run = prepared(f"ftkkill{step}")
        killed_in(run, step, monkeypatch)
        assert main([str(run.path)]) == 0
        assert ended(run) == expected, step
        resumed = [event.data["step"] for event in run.events() if event.type == "resumed"]
        assert resumed == [(step - 1) // EVERY * EVERY]
        assert len(steps(run)) <= STEPS + EVERY


@pytest.mark.parametrize("method", [Method.LORA, Method.FULL])
def test_killed_again_and_again_with_held_out_rows(
    prepared: Run, monkeypatch: pytest.MonkeyPatch, method: Method
) -> None:
    options = {"method": method, "validation": [conversation(n) for n in range(20, 24)]}
    whole = prepared("ftkwhole", **options)
    assert main([str(whole.path)]) == 0
    run = prepared("ftkoften", **options)
    for step in (2, 4, 5, 8, 11, 12):
        killed_in(run, step, monkeypatch)
    assert main([str(run.path)]) == 0
    assert ended(run) == ended(whole)
    assert json.loads(run.result.read_bytes())["summary"]["seconds"] > 0
    assert not (run.path / checkpoint.FOLDER).exists()


def test_two_are_kept_and_no_file_of_them_can_run_code(
    prepared: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = prepared()
    killed_in(run, STEPS, monkeypatch)
    assert [path.name for path in kept(run)] == ["step-00000006", "step-00000009"]
    for folder in kept(run):
        assert {path.name for path in folder.iterdir()} == {
            "manifest.json", "progress.json", "weights.safetensors", "optimizer.safetensors", "random.safetensors",
        }  # fmt: skip
        manifest = json.loads((folder / "manifest.json").read_bytes())
        for name, sha256 in manifest["files"].items():
            assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256


@pytest.mark.parametrize("spoil", ["a bit", "half of it", "gone", "no manifest", "half a manifest"])
@pytest.mark.parametrize("name", ["weights.safetensors", "optimizer.safetensors", "progress.json"])
def test_one_that_is_not_whole_is_never_read(
    prepared: Run, monkeypatch: pytest.MonkeyPatch, spoil: str, name: str
) -> None:
    whole = prepared("ftkwhole")
    assert main([str(whole.path)]) == 0
    run = prepared()
    killed_in(run, STEPS, monkeypatch)
    newest = kept(run)[-1]
    file = newest / ("manifest.json" if "manifest" in spoil else name)
    content = file.read_bytes()
    if spoil == "a bit":
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif spoil.startswith("half"):
        file.write_bytes(content[: len(content) // 2])
    else:
        file.unlink()
    assert main([str(run.path)]) == 0
    assert [event.data["step"] for event in run.events() if event.type == "resumed"] == [6]
    assert ended(run) == ended(whole)


def test_where_the_newest_cannot_be_read_the_one_before_is_taken(
    prepared: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = prepared("ftkwhole")
    assert main([str(whole.path)]) == 0
    run = prepared()
    killed_in(run, STEPS, monkeypatch)
    true_hash = checkpoint._sha256
    broken = kept(run)

    def unreadable(path: Path) -> str:
        if path.parent in broken:
            raise OSError(errno.EIO, "planted")
        return true_hash(path)

    monkeypatch.setattr(checkpoint, "_sha256", unreadable)
    assert main([str(run.path)]) == 1  # neither can be read: nothing is begun anew
    assert run.died() and kept(run) == broken
    del broken[0]
    assert main([str(run.path)]) == 0
    assert [event.data["step"] for event in run.events() if event.type == "resumed"] == [6]
    assert ended(run) == ended(whole)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("method", "full", "method was lora, is full"),
        ("steps", 13, "steps was 12, is 13"),
        ("learning_rate", 0.1, "hyperparameter learning_rate was 0.0005, is 0.1"),
        ("seed", 8, "hyperparameter seed was 7, is 8"),
    ],
)
def test_other_settings_do_not_go_on_from_it(
    prepared: Run, monkeypatch: pytest.MonkeyPatch, field: str, value: Any, words: str
) -> None:
    run = prepared()
    killed_in(run, 8, monkeypatch)
    spec = json.loads(run.spec.read_bytes())
    target = spec["hyperparameters"] if field in spec["hyperparameters"] else spec
    target[field] = value
    if field == "method":
        spec["hyperparameters"] = {
            name: one
            for name, one in spec["hyperparameters"].items()
            if not name.startswith(("lora", "target"))
        }
    run.spec.write_text(json.dumps(spec))
    assert main([str(run.path)]) == 1
    assert words in str(run.state().error) and "Submit it as a new run" in str(run.state().error)
    assert len(kept(run)) == 2  # left as they were


def test_other_rows_another_template_or_another_base_do_not_go_on_from_it(tmp_path: Path) -> None:
    made = {"base": "sha256:1", "template": "t1", "training rows": "r1", "validation rows": None}
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    checkpoint.Checkpoints(tmp_path, made).save(model, optimizer, checkpoint.Progress(step=1))
    assert checkpoint.Checkpoints(tmp_path, made).latest() is not None
    for name, value in made.items():
        with pytest.raises(TrainingError, match=f"{name} was {value}, is other"):
            checkpoint.Checkpoints(tmp_path, {**made, name: "other"}).latest()


@pytest.mark.parametrize("trouble", [errno.ENOSPC, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("at", ["weights", "manifest", "publish_folder"])
def test_a_disk_that_takes_no_checkpoint_stops_no_run_and_spoils_no_earlier_one(
    prepared: Run, monkeypatch: pytest.MonkeyPatch, trouble: int, at: str
) -> None:
    whole = prepared("ftkwhole")
    assert main([str(whole.path)]) == 0
    run = prepared()
    killed_in(run, 5, monkeypatch)
    names = {"weights": "_write", "manifest": "write_file", "publish_folder": "publish_folder"}
    with monkeypatch.context() as patch:

        def refused(*_: Any, **__: Any) -> None:
            raise OSError(trouble, "planted")

        patch.setattr(checkpoint, names[at], refused)
        killed_in(run, 11, monkeypatch)
    failed = [event for event in run.events() if event.type == "checkpoint failed"]
    assert [event.data["step"] for event in failed] == [6, 9]
    assert "free space for" in failed[0].message and "The run goes on" in failed[0].message
    assert [path.name for path in kept(run)] == ["step-00000003"]
    assert [
        path for path in (run.path / checkpoint.FOLDER).iterdir() if path not in kept(run)
    ] == []
    assert main([str(run.path)]) == 0
    assert ended(run) == ended(whole)


def test_without_a_number_of_steps_one_is_due_each_minute_and_takes_a_small_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(checkpoint.clock, "monotonic", lambda: now[0])
    kept = checkpoint.Checkpoints(tmp_path, {})
    due = []
    for second in range(0, 400, 10):
        now[0] = float(second)
        if kept.due(second):
            due.append(second)
            kept._last = now[0]
            kept._took = 8.0 if len(due) > 1 else 0.0
    assert due[:2] == [60, 120] and due[2] >= 120 + 160


def test_the_time_of_all_attempts_counts(prepared: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run = prepared(max_time_s=1000.0)
    killed_in(run, 8, monkeypatch)
    progress = json.loads((kept(run)[-1] / "progress.json").read_bytes())
    assert progress["seconds"] > 0
    progress["seconds"] = 999.999
    (kept(run)[-1] / "progress.json").write_text(json.dumps(progress))
    manifest = json.loads((kept(run)[-1] / "manifest.json").read_bytes())
    content = (kept(run)[-1] / "progress.json").read_bytes()
    manifest["files"]["progress.json"] = hashlib.sha256(content).hexdigest()
    (kept(run)[-1] / "manifest.json").write_text(json.dumps(manifest))
    assert main([str(run.path)]) == 0
    assert run.outcome()["summary"]["stopped_early"].startswith(
        "max_time_s 1000 was reached after step 7"
    )  # type: ignore[index]


def test_a_paused_run_keeps_its_present_step_and_goes_on_behind_it(
    prepared: Run, here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = prepared("ftkwhole")
    assert main([str(whole.path)]) == 0
    run = prepared()
    true_gradients = loop.accumulate_gradients
    seen: list[int] = []

    def pausing(model: Any, rows: Any, work: Any) -> float:
        seen.append(1)
        if len(seen) == 5:
            here.training.pause("ftkrun1")
        return true_gradients(model, rows, work)

    monkeypatch.setattr(loop, "accumulate_gradients", pausing)
    main([str(run.path)])
    state = run.state()
    assert (state.status, state.progress) == (JobStatus.PAUSED, (5, STEPS))
    assert not run.died() and here.training.get("ftkrun1").status is JobStatus.PAUSED
    here.training.unpause("ftkrun1")
    assert run.state().raw_status == "resuming"  # its trainer is started by whoever looks
    assert main([str(run.path)]) == 0
    assert ended(run) == ended(whole) and len(steps(run)) == STEPS


def test_a_paused_run_can_be_cancelled(prepared: Run, here: Any) -> None:
    run = prepared()
    here.training.pause("ftkrun1")
    assert run.state().status is JobStatus.PAUSED
    here.training.cancel("ftkrun1")
    assert run.state().status is JobStatus.CANCELLED
    main([str(run.path)])
    assert run.state().status is JobStatus.CANCELLED and steps(run) == []
