"""Whatever the method, a run that was killed ends in the bits of one that never was: reference, adapter and best weights too."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'local'")

from ftkit.hyperparameters import Method
from ftkit_local.trainer import loop
from ftkit_local.trainer.__main__ import main
from tests import prepared_runs
from tests.local_runs import Home, conversation, pair
from tests.test_local_checkpoints import EVERY, STEPS, ended, killed_in

base_folder, here, prepared = prepared_runs.base_folder, prepared_runs.here, prepared_runs.prepared
torch_as_before = prepared_runs.torch_as_before

SETTINGS = {"max_steps": STEPS, "epochs": 4, "batch_size": 3, "seed": 7, "learning_rate": 0.01}


def run_of(here: Home, key: str, base: str | None = None, **options: Any) -> Any:
    """A prepared run of twelve steps over nine rows that keeps a checkpoint after every third."""
    home = replace(here, checkpoint_steps=EVERY, base_folder=base or here.base_folder)
    given = {"rows": [conversation(n) for n in range(9)], **SETTINGS, **options}
    home.training.submit(home.request(key, **given))
    return here.run(key)


@pytest.mark.parametrize(
    "method",
    [
        Method.DPO,
        pytest.param(
            Method.QLORA,
            marks=pytest.mark.skipif(
                find_spec("bitsandbytes") is None, reason="needs the extra 'qlora'"
            ),
        ),
    ],
)
def test_killed_again_and_again_a_method_ends_in_the_same_bits(
    here: Home, prepared: Any, monkeypatch: pytest.MonkeyPatch, method: Method
) -> None:
    options: dict[str, Any] = {"method": method}
    if method is Method.DPO:
        options |= {"rows": [pair(n) for n in range(9)], "validation": [pair(20), pair(21)]}
    whole = run_of(here, "ftkwhole", **options)
    assert main([str(whole.path)]) == 0
    run = run_of(here, "ftkoften", **options)
    for step in (2, 5, 8, 12):
        killed_in(run, step, monkeypatch)
    assert main([str(run.path)]) == 0
    assert ended(run) == ended(whole)


def test_a_run_that_goes_on_from_an_adapter_does_so_after_a_kill(
    here: Home, prepared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main([str(prepared("ftkfirst1").path)]) == 0
    whole = run_of(here, "ftkwhole", "ftkfirst1")
    assert main([str(whole.path)]) == 0
    run = run_of(here, "ftkoften", "ftkfirst1")
    killed_in(run, 2, monkeypatch)
    killed_in(run, 8, monkeypatch)
    assert main([str(run.path)]) == 0
    assert ended(run) == ended(whole)


def test_the_best_validation_and_the_patience_are_those_of_before_the_kill(
    here: Home, prepared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = {3: 1.0, 6: 2.0, 9: 3.0, 12: 0.5}
    options = {"validation": [conversation(20)], "early_stopping_patience": 2}

    def judging(step: int) -> None:
        coming = iter([losses[n] for n in losses if n > step])
        monkeypatch.setattr(loop, "mean_loss", lambda *_: next(coming))

    judging(0)
    whole = run_of(here, "ftkwhole", **options)
    assert main([str(whole.path)]) == 0
    finished = list(whole.events())[-1].data
    assert (finished["steps"], finished["best_step"], finished["validation_loss"]) == (9, 3, 1.0)

    judging(0)
    run = run_of(here, "ftkoften", **options)
    killed_in(run, 8, monkeypatch)
    judging(6)
    assert main([str(run.path)]) == 0
    assert ended(run) == ended(whole)
    again = list(run.events())[-1].data
    assert {**again, "seconds": 0} == {**finished, "seconds": 0}
