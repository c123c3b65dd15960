"""Running out of memory in a step makes its micro-batches smaller, and nothing else of the run."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'local'")

from ftkit_local.trainer.__main__ import main
from ftkit_local.trainer.supervised import Supervised
from tests import prepared_runs
from tests.local_runs import conversation

base_folder, here, prepared = prepared_runs.base_folder, prepared_runs.here, prepared_runs.prepared
torch_as_before = prepared_runs.torch_as_before

PLANTED = {
    "MemoryError": MemoryError(),
    "CUDA": torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    "processor": RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
}


def limit_rows(monkeypatch: pytest.MonkeyPatch, most: int, error: BaseException) -> list[int]:
    """Let a micro-batch of more than `most` rows fail in its middle; the sizes of those that were computed."""
    true_loss = Supervised.summed_loss
    sizes: list[int] = []

    def limited(self: Any, model: Any, rows: Any, work: Any) -> Any:
        loss = true_loss(self, model, rows, work)
        if len(rows) > most:
            (loss * 100).backward() if loss.requires_grad else None  # half-made gradients are left
            raise error
        sizes.append(len(rows))
        return loss

    monkeypatch.setattr(Supervised, "summed_loss", limited)
    return sizes


def losses(run: Any) -> list[float]:
    return [event.data["loss"] for event in run.events() if event.type in ("step", "validation")]


def norms(run: Any) -> list[float]:
    return [event.data["grad_norm"] for event in run.events() if event.type == "step"]


@pytest.mark.parametrize("name", PLANTED)
def test_the_micro_batches_are_halved_and_the_steps_stay_the_same(
    prepared: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    rows = {"validation": [conversation(n) for n in range(20, 24)], "learning_rate": 0.01}
    whole = prepared("ftka", **rows)
    assert main([str(whole.path)]) == 0
    sizes = limit_rows(monkeypatch, 2, PLANTED[name])
    run = prepared("ftkb", **rows)

    assert main([str(run.path)]) == 0

    assert max(sizes) <= 2 and sum(sizes) >= 12
    events = list(run.events())
    told = [event for event in events if event.type == "less_memory"]
    assert told and told[0].message.startswith("out of memory: micro-batches now hold ")
    plan = next(event.data for event in events if event.type == "plan")
    budgets = [plan["micro_batch_tokens"], *(e.data["micro_batch_tokens"] for e in told)]
    assert all(later <= earlier / 2 for earlier, later in pairwise(budgets))
    assert [event.type for event in events if event.type == "step"] == ["step"] * 3
    assert losses(run) == pytest.approx(losses(whole), rel=1e-4)
    assert norms(run) == pytest.approx(norms(whole), rel=1e-3)
    facts = json.loads((run.published() / "ftkit.json").read_text())
    assert facts["repeatable_with"]["micro_batch_tokens"] == budgets[-1]


def test_a_single_row_that_does_not_fit_ends_the_run_with_the_knobs(
    prepared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_rows(monkeypatch, 0, PLANTED["CUDA"])
    run = prepared()

    assert main([str(run.path)]) == 1

    assert str(run.state().error).startswith("out of memory: use shorter rows")
    assert run.published() is None


def test_another_error_is_not_taken_for_it(prepared: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    limit_rows(monkeypatch, 2, RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    run = prepared()

    assert main([str(run.path)]) == 1

    assert "shapes cannot be multiplied" in str(run.state().error)
    assert "less_memory" not in [event.type for event in run.events()]


def test_a_run_that_fits_only_with_recomputed_activations_says_so_and_trains_the_same(
    prepared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = prepared("ftka", learning_rate=0.01)
    assert main([str(usual.path)]) == 0
    monkeypatch.setattr("ftkit_local.trainer.job.recomputes", lambda *arguments: True)
    run = prepared("ftkb", learning_rate=0.01)

    assert main([str(run.path)]) == 0

    def plan(one: Any) -> Any:
        return next(event.data for event in one.events() if event.type == "plan")

    assert not plan(usual)["recomputed_activations"] and plan(run)["recomputed_activations"]
    assert losses(run) == pytest.approx(losses(usual), rel=1e-6)
