"""A run of the trainer that cannot begin or cannot go on says why, and publishes nothing."""

from __future__ import annotations

import json
import math
import os
import signal
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'local'")

from ftkit.backend import JobStatus
from ftkit.data.example import Example, Message
from ftkit.errors import ConfigError, TrainingError
from ftkit.hyperparameters import Method
from ftkit_local.trainer import job, loop
from ftkit_local.trainer.__main__ import main
from ftkit_local.trainer.gradients import Work
from ftkit_local.trainer.interrupts import Interrupts, Stopped
from ftkit_local.trainer.rows import TrainingRow
from ftkit_local.trainer.spec import SpecFile, read_spec
from tests import prepared_runs
from tests.local_runs import Home, conversation, rewrite_spec

base_folder, here, prepared = prepared_runs.base_folder, prepared_runs.here, prepared_runs.prepared
torch_as_before = prepared_runs.torch_as_before


def spec_file(path: Path) -> SpecFile:
    import hashlib

    return SpecFile(path=path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


# --- what is refused before step 1 -------------------------------------------------------------------------------


def test_rows_without_anything_to_learn_and_too_long_rows_are_named(prepared: Any) -> None:
    rows = [conversation(n) for n in range(6)]
    run = prepared(rows=rows)
    rows[1] = [Message("user", "Where is my parcel?")]
    rows[4] = [Message("user", "please " * 200), Message("assistant", "other")]
    replace_rows(run, rows)

    assert main([str(run.path)]) == 1

    error = run.state().error
    assert error is not None
    assert "2 of 6 rows" in error
    assert "row 2: the conversation does not end in an assistant message" in error
    assert "row 5:" in error and "more than max_length 64" in error
    assert not any(event.type == "step" for event in run.events())


def replace_rows(run: Any, rows: list[list[Message]]) -> None:
    content = b"".join(
        Home(run.home, Path()).training.encode(Example(tuple(row))) + b"\n" for row in rows
    )
    file = run.path / "other.jsonl"
    file.write_bytes(content)
    rewrite_spec(run, train=json.loads(spec_file(file).model_dump_json()))


def test_a_spec_of_another_major_version_is_refused(prepared: Any) -> None:
    run = prepared()
    rewrite_spec(run, spec_version="2.0")

    with pytest.raises(ConfigError, match=r"spec_version 2\.0 .* reads 1\.x"):
        read_spec(run.spec)
    rewrite_spec(run, spec_version="1.7", something_new=True)
    assert read_spec(run.spec).key == "ftkrun1"


# --- what ends a run ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_the_first_number_that_is_not_finite_stops_the_run_and_names_the_rows(
    prepared: Any, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    run = prepared(batch_size=3)
    true_gradients = loop.accumulate_gradients
    batches: list[list[int]] = []

    def planted(model: Any, rows: list[TrainingRow], work: Work) -> float:
        batches.append(sorted(row.number for row in rows))
        loss = true_gradients(model, rows, work)
        if len(batches) < 2:
            return loss
        if where == "loss":
            return math.nan
        next(p for p in model.parameters() if p.requires_grad).grad[0, 0] = math.inf
        return loss

    monkeypatch.setattr(loop, "accumulate_gradients", planted)

    assert main([str(run.path)]) == 1

    state = run.state()
    assert state.status is JobStatus.FAILED and state.error is not None
    assert state.error.startswith(f"step 2: the {where} is")
    assert f"(rows {', '.join(map(str, batches[1]))})" in state.error
    assert [event.data["step"] for event in run.events() if event.type == "step"] == [1]
    assert run.published() is None and not (run.path / "adapter").exists()


def test_a_changed_base_weight_is_found(prepared: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run = prepared()

    def meddling(model: Any, *rest: Any, **more: Any) -> Any:
        trained = loop.train(model, *rest, **more)
        frozen = next(p for p in model.parameters() if not p.requires_grad)
        frozen.data[3, 3] += 1e-6
        return trained

    monkeypatch.setattr(job, "train", meddling)

    assert main([str(run.path)]) == 1
    assert "weights of the base were changed" in str(run.state().error)


def test_an_adapter_part_that_never_moved_is_an_error(
    prepared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = prepared()

    def forgetful(model: Any, *rest: Any, **more: Any) -> Any:
        trained = loop.train(model, *rest, **more)
        value = next(p for n, p in model.named_parameters() if "lora_B" in n)
        value.data.zero_()
        return trained

    monkeypatch.setattr(job, "train", forgetful)

    assert main([str(run.path)]) == 1
    assert "1 of 14 weights never moved" in str(run.state().error)


def test_a_run_that_does_not_fit_is_refused_with_the_knobs_before_step_1(
    prepared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = prepared(method=Method.FULL)
    monkeypatch.setattr("ftkit_local.sizing.free_memory", lambda device: 1000)

    assert main([str(run.path)]) == 1

    error = str(run.state().error)
    assert error.startswith("the run needs 0.6 GiB and 0.0 GiB are free on cpu")
    assert "a smaller base model" in error
    assert [event.type for event in run.events()] == ["started", "error"]


def test_a_cancelled_run_stops_before_its_next_step_and_publishes_nothing(
    prepared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = prepared(epochs=5)
    true_gradients = loop.accumulate_gradients

    def cancelling(model: Any, rows: list[TrainingRow], work: Work) -> float:
        run.cancel.touch()
        return true_gradients(model, rows, work)

    monkeypatch.setattr(loop, "accumulate_gradients", cancelling)

    assert main([str(run.path)]) == 1

    assert run.state().status is JobStatus.CANCELLED
    assert [event.type for event in run.events()] == ["started", "plan", "step", "cancelled"]
    assert run.published() is None and not (run.path / "adapter").exists()


def test_sigterm_stops_a_run_that_goes_on_when_it_is_started_again(
    prepared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = prepared(epochs=5)
    true_gradients = loop.accumulate_gradients

    def terminated(model: Any, rows: list[TrainingRow], work: Work) -> float:
        os.kill(os.getpid(), signal.SIGTERM)
        return 1.0

    monkeypatch.setattr(loop, "accumulate_gradients", terminated)
    before = signal.getsignal(signal.SIGTERM)

    assert main([str(run.path)]) == 1

    state = run.state()
    assert (state.status, state.raw_status) == (JobStatus.FAILED, "stopped")
    assert state.error is not None and state.error.startswith(
        "stopped by SIGTERM; the same submission"
    )
    assert signal.getsignal(signal.SIGTERM) is before
    monkeypatch.setattr(loop, "accumulate_gradients", true_gradients)
    assert run.died() and main([str(run.path)]) == 0
    assert run.state().status is JobStatus.SUCCEEDED


def test_a_signal_is_remembered_where_its_exception_was_lost_and_ignored_at_the_very_end(
    prepared: Any,
) -> None:
    interrupts = Interrupts(prepared())
    with interrupts.watched():
        with pytest.raises(Stopped):
            signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Stopped, match="stopped by SIGTERM"):
            interrupts.check()

    late = Interrupts(prepared())
    with late.watched():
        late.shield()
        signal.raise_signal(signal.SIGTERM)
        late.check()


@pytest.mark.parametrize("full_at", ["save_adapter", "write_facts", "publish_folder"])
def test_a_full_disk_leaves_no_half_adapter(
    prepared: Any, monkeypatch: pytest.MonkeyPatch, full_at: str
) -> None:
    run = prepared()
    true_step = getattr(job, full_at)

    def full(*arguments: Any) -> None:
        if full_at != "publish_folder":
            true_step(*arguments)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(job, full_at, full)

    assert main([str(run.path)]) == 1

    assert "the disk is full: free space for" in str(run.state().error)
    left = {path.name for path in run.path.iterdir()}
    assert left == {"spec.json", "lock", "events.jsonl"}
    monkeypatch.setattr(job, full_at, true_step)  # somebody freed space
    assert run.died() and main([str(run.path)]) == 0
    assert run.state().status is JobStatus.SUCCEEDED and run.published() is not None


@pytest.mark.skipif(os.name != "posix", reason="limits on file sizes are a POSIX thing")
@pytest.mark.parametrize("method", [Method.LORA, Method.FULL])
def test_a_disk_that_is_really_full_is_said_to_be_full(prepared: Any, method: Method) -> None:
    import resource

    run = prepared(method=method)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, limits[1]))
    try:
        assert main([str(run.path)]) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert "the disk is full" in str(run.state().error)
    assert not [path for path in run.path.iterdir() if path.is_dir()]


def test_any_other_error_is_named_and_its_traceback_stays_in_the_log(
    prepared: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run = prepared()

    def broken(*arguments: Any, **more: Any) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(job, "train", broken)

    assert main([str(run.path)]) == 1

    assert run.state().error == "ZeroDivisionError: by zero"
    assert [event.message for event in run.events()][-1] == "ZeroDivisionError: by zero"
    assert "Traceback" in capfd.readouterr().err


def test_running_out_of_memory_names_the_knobs(
    prepared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = prepared()

    def greedy(*arguments: Any, **more: Any) -> None:
        torch.empty(1 << 60)

    monkeypatch.setattr(job, "train", greedy)

    assert main([str(run.path)]) == 1
    assert str(run.state().error).startswith("out of memory: use shorter rows")


def test_a_run_that_has_ended_is_not_trained_again(prepared: Any) -> None:
    run = prepared()
    assert main([str(run.path)]) == 0
    before = run.events_file.read_bytes()

    assert main([str(run.path)]) == 0
    assert run.events_file.read_bytes() == before


def test_training_error_is_what_a_failed_run_raises_for_its_model(
    prepared: Any, here: Home
) -> None:
    run = prepared()
    rewrite_spec(run, spec_version="9.0")
    main([str(run.path)])

    with pytest.raises(TrainingError, match=r"has no model, it is failed: .*spec_version 9\.0"):
        here.training.result("ftkrun1")
