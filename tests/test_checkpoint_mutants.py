"""Every test of checkpoints is shown to see: trainers that only seem to go on. `make torture` prints who saw which."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants import Mutant, told

_TESTS = ("tests/test_local_checkpoints.py",)
_CHECKPOINT = "backends/ftkit_local/trainer/checkpoint.py"
_LOOP = "backends/ftkit_local/trainer/loop.py"
_JOB = "backends/ftkit_local/trainer/job.py"

MUTANTS = (
    Mutant("a run that was killed starts again at its first step",
           _JOB, "goes_on = checkpoints.latest()", "goes_on = None", _TESTS),
    Mutant("the optimizer starts anew",
           _CHECKPOINT, "        optimizer.load_state_dict(\n", "        dict(\n", _TESTS),
    Mutant("the weights are those of before the run",
           _CHECKPOINT, "parameter.copy_(weights[name])", "parameter.add_(0)", _TESTS),
    Mutant("the order of the rows starts anew (ms-swift#10050)",
           _LOOP, "islice(order, done.step, None)", "islice(order, 0, work.steps - done.step)", _TESTS),
    Mutant("the last batch is trained twice (tinker-cookbook#935)",
           _LOOP, "enumerate(islice(order, done.step, None), done.step + 1)", "enumerate(islice(order, max(0, done.step - 1), None), max(1, done.step))", _TESTS),
    Mutant("the learning rate starts anew",
           _LOOP, "        rate = learning_rate(\n            step,\n", "        rate = learning_rate(\n            step - (goes_on.progress.step if goes_on else 0),\n", _TESTS),
    Mutant("a file is read whatever its bytes",
           _CHECKPOINT, "_sha256(path / name) == sha256 for name", "(path / name).exists() for name", _TESTS),
    Mutant("half a checkpoint is read",
           _CHECKPOINT, "            if manifest is None:\n                _remove(path)\n                continue\n", "            if manifest is None:\n                manifest = {'of': self._of}\n", _TESTS),
    Mutant("a run of other settings goes on",
           _CHECKPOINT, "            self._require_same(path, manifest[\"of\"])\n", "", _TESTS),
    Mutant("other hyperparameters are not looked at",
           _JOB, "exclude_none=True\n            ).items()", "exclude_none=True, include=set()\n            ).items()", _TESTS),
    Mutant("all checkpoints are kept until the disk is full",
           _CHECKPOINT, "self._named()[:-_KEPT]", "self._named()[:0]", _TESTS),
    Mutant("the only checkpoint is removed before the next is there",
           _CHECKPOINT, "        hidden = new_folder_beside(final)\n", "        hidden = new_folder_beside(final)\n        for path in self._named():\n            _remove(path)\n", _TESTS),
    Mutant("a disk that takes no checkpoint ends the run",
           _LOOP, "except (OSError, SafetensorError) as error:", "except ZeroDivisionError as error:", _TESTS),
    Mutant("what could not be written is left lying about",
           _CHECKPOINT, "                discard_folder(hidden)\n", "                pass\n", _TESTS),
    Mutant("the time of earlier attempts is forgotten",
           _LOOP, "before_s, started = done.seconds,", "before_s, started = 0.0,", _TESTS),
    Mutant("a pause keeps nothing",
           _LOOP, "            if checkpoints is not None and done.step:\n", "            if checkpoints is None:\n", _TESTS),
)  # fmt: skip


@pytest.mark.torture
def test_every_trainer_that_only_seems_to_go_on_is_seen(tmp_path: Path) -> None:
    seen = told(MUTANTS, tmp_path)
    assert [mistake for mistake, tests in seen.items() if not tests] == []
