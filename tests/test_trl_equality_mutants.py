"""That losses equal those of TRL and of a plain loop is shown to see: mistakes that other trainers shipped, each caught.

`make torture` prints who saw which.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.mutants import Mutant, told

_EQUALITY = ("tests/test_trl_equality.py",)
_LOOP = "backends/ftkit_local/trainer/loop.py"
_GRADIENTS = "backends/ftkit_local/trainer/gradients.py"
_SCHEDULE = "backends/ftkit_local/trainer/schedule.py"
_SUPERVISED = "backends/ftkit_local/trainer/supervised.py"

MUTANTS = (
    Mutant("the loss of a step is divided by its rows",
           _GRADIENTS, "    weight = sum(row.weight for row in rows)\n", "    weight = len(rows)\n", _EQUALITY),
    Mutant("each micro-batch weighs the same, however many tokens it has (transformers before 4.46)",
           _GRADIENTS, "(loss / weight).backward()", "(loss / sum(rows[index].weight for index in piece)).backward()", _EQUALITY),
    Mutant("padding counts as trained tokens",
           _GRADIENTS, "    weight = sum(row.weight for row in rows)\n", "    weight = len(rows) * max(row.length for row in rows)\n", _EQUALITY),
    Mutant("the schedule is a step late",
           _LOOP, "            step,\n            steps=work.steps,\n            peak=", "            max(1, step - 1),\n            steps=work.steps,\n            peak=", _EQUALITY),
    Mutant("the schedule falls a step early",
           _SCHEDULE, "done = (step - 1 - warmup)", "done = (step - warmup)", _EQUALITY),
    Mutant("weights decay by 0.01",
           _LOOP, "weight_decay=0.0", "weight_decay=0.01", _EQUALITY),
    Mutant("gradients are clipped at 10",
           _LOOP, "CLIP_NORM = 1.0", "CLIP_NORM = 10.0", _EQUALITY),
    Mutant("gradients of a step stay for the next one",
           _LOOP, "        optimizer.zero_grad()\n", "        optimizer.zero_grad() if step % 2 else None\n", _EQUALITY),
    Mutant("the first trained token of a row is left out",
           _SUPERVISED, "learned = labels != IGNORED", "learned = (labels != IGNORED) & (labels.roll(1, 1) != IGNORED)", _EQUALITY),
    Mutant("the order does not depend on the seed",
           _LOOP, "settings.seed, settings.batch_size, work.steps", "0, settings.batch_size, work.steps", _EQUALITY),
)  # fmt: skip


@pytest.mark.torture
@pytest.mark.skipif(find_spec("trl") is None, reason="TRL is not installed")
def test_every_mistake_is_seen(tmp_path: Path) -> None:
    seen = told(MUTANTS, tmp_path)
    assert [mistake for mistake, tests in seen.items() if not tests] == []
