"""The sweep of checkpoints is shown to see: ways to keep and to go on from a checkpoint that are wrong, each caught.

`make torture` prints who saw which.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import attached
from tests.mutants import Mutant, told

_SWEEP = "tests/test_checkpoint_sweep.py::test_"
_KILLED = (_SWEEP + "training_killed_at_a_sample_of_its_writes_goes_on_to_the_same_bits",)
_DISK = (_SWEEP + "a_disk_that_fails_at_a_sample_of_the_writes_spoils_no_checkpoint",)
_POWER = (_SWEEP + "what_a_power_cut_left_of_a_checkpoint_is_not_gone_on_from",)
_CHECKPOINT = "backends/ftkit_local/trainer/checkpoint.py"
_LOOP = "backends/ftkit_local/trainer/loop.py"
_JOB = "backends/ftkit_local/trainer/job.py"
_MAIN = "backends/ftkit_local/trainer/__main__.py"
_DURABLE = "backends/ftkit_local/durable.py"

MUTANTS = (
    Mutant("a run that was killed starts again from step 0",
           _JOB, "goes_on = checkpoints.latest()", "goes_on = None if checkpoints.latest() else None", _KILLED),
    Mutant("it starts again from step 0 and says that it goes on",
           _LOOP, "    if goes_on is not None:\n", "    if goes_on is not None and not goes_on.progress.step:\n", _KILLED),
    Mutant("the trained weights are not put back",
           _CHECKPOINT, "parameter.copy_(weights[name])", "parameter.copy_(parameter)", _KILLED),
    Mutant("the optimizer's state is not put back",
           _CHECKPOINT, '{"state": state, "param_groups"', '{"state": {}, "param_groups"', _KILLED),
    Mutant("the order of the rows begins anew",
           _LOOP, "islice(order, done.step, None)", "islice(order, work.steps - done.step)", _KILLED),
    Mutant("the schedule begins anew",
           _LOOP, "            step,\n            steps=work.steps,\n            peak=", "            step - (goes_on.progress.step if goes_on else 0),\n            steps=work.steps,\n            peak=", _KILLED),
    Mutant("a checkpoint has its name before it is written",
           _CHECKPOINT, "        hidden = new_folder_beside(final)\n", "        hidden = final\n        hidden.mkdir()\n", _KILLED),
    Mutant("the manifest is written first",
           _CHECKPOINT,
           "        hidden = new_folder_beside(final)\n        try:\n            _write(hidden, model, optimizer, progress, best or {})\n"
           "            files = {path.name: _sha256(path) for path in sorted(hidden.iterdir())}\n",
           "        hidden = new_folder_beside(final)\n        _write(hidden, model, optimizer, progress, best or {})\n"
           "        files = {path.name: _sha256(path) for path in sorted(hidden.iterdir())}\n"
           "        discard_folder(hidden)\n        hidden = final\n        hidden.mkdir()\n"
           '        manifest = {"format": _FORMAT, "step": progress.step, "of": self._of, "files": files}\n'
           "        write_file(hidden / MANIFEST, json.dumps(manifest).encode())\n"
           "        try:\n            _write(hidden, model, optimizer, progress, best or {})\n", _KILLED),
    Mutant("the manifest is not verified",
           _CHECKPOINT, "whole = manifest[\"format\"] == _FORMAT and all(", "whole = manifest[\"format\"] == _FORMAT or all(", _POWER),
    Mutant("half a manifest ends the run",
           _CHECKPOINT, "except (FileNotFoundError, ValueError, KeyError", "except (FileNotFoundError, KeyError", _POWER),
    Mutant("a checkpoint has its name before its files are on the disk",
           _DURABLE, "        if path.is_file():\n", "        if path.is_file() and not path:\n", _KILLED),
    Mutant("the newest checkpoint is removed with the old ones",
           _CHECKPOINT, "self._named()[:-_KEPT]", "self._named()[-1:]", _KILLED),
    Mutant("the older ones are removed before the new one is there",
           _CHECKPOINT, "        hidden = new_folder_beside(final)\n", "        for path in self._named():\n            _remove(path)\n        hidden = new_folder_beside(final)\n", _KILLED),
    Mutant("a checkpoint says that it is there before it is",
           _LOOP, "    try:\n        checkpoints.save(", '    emit("checkpoint", "kept", step=done.step)\n    try:\n        checkpoints.save(', _KILLED),
    Mutant("what was kept stays behind the result",
           _JOB, "        checkpoints.clear()\n", "        pass\n", _KILLED),
    Mutant("what a trainer that was killed behind its result had still to remove stays",
           _MAIN, "        with suppress(OSError):\n            discard_folder(run.path / FOLDER)\n", "        pass\n", _KILLED),
    Mutant("a disk that fails ends the run for good",
           _MAIN, "isinstance(error, Stopped) or is_the_disks(error)", "isinstance(error, Stopped)", _DISK),
    Mutant("a result that the disk was slow to confirm is said to be none",
           _MAIN, "            if run.outcome() is not None:\n                return 0", "            if run.outcome() is None and not error:\n                return 0", _DISK),
    Mutant("a checkpoint that does not fit on the disk is left there by half",
           _CHECKPOINT, "            with suppress(OSError):\n                discard_folder(hidden)\n            raise\n", "            raise\n", _DISK),
)  # fmt: skip


@pytest.mark.torture
@pytest.mark.skipif(attached.unavailable() is not None, reason="strace cannot be attached here")
def test_every_mistake_is_seen(tmp_path: Path) -> None:
    seen = told(MUTANTS, tmp_path)
    assert [mistake for mistake, tests in seen.items() if not tests] == []
