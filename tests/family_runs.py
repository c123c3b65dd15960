"""Runs of the trainer on tiny models of every family, each made once a process: what the properties of steps are judged by."""

from __future__ import annotations

import atexit
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from ftkit.catalogue.schema import Catalogue
from ftkit.data.example import Message
from ftkit.hyperparameters import Method
from ftkit_local.trainer import job
from ftkit_local.trainer.__main__ import main
from ftkit_local.trainer.rows import TrainingRow
from tests.families import model_folder, opened
from tests.local_runs import Home, conversation

ROWS = [conversation(n) for n in range(12)]
IDS = tuple(range(5, 45))
NOTHING_LISTED = Catalogue()
SETTINGS: dict[str, Any] = {"batch_size": 4, "epochs": 4, "learning_rate": 0.01}


@dataclass(frozen=True)
class Ran:
    """A run that has ended. `before` and `after` are what `look` saw of the model around its training."""

    home: Home
    run: Any
    code: int
    before: Any = None
    after: Any = None

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The numbers of every step."""
        return [event.data for event in self.run.events() if event.type == "step"]


def run_of(
    base: Path | str,
    rows: Sequence[Sequence[Message]] = ROWS,
    method: Method = Method.LORA,
    look: Callable[[Any], Any] = lambda model: None,
    meddle: Callable[[Any], None] = lambda model: None,
    catalogue: Catalogue = NOTHING_LISTED,
    **settings: Any,
) -> Ran:
    """Train in this process; `meddle` is given the trained model before anything of it is checked."""
    import torch

    folder = Path(mkdtemp(prefix="ftkit-run-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    home = Home(folder, base, catalogue)
    seen: list[Any] = []
    training = job.train

    def watched(model: Any, *given: Any, **named: Any) -> Any:
        seen.append(look(model))
        trained = training(model, *given, **named)
        meddle(model)
        seen.append(look(model))
        return trained

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ftkit_local.training.start_trainer", lambda run: True)
        patch.setattr(job, "train", watched)
        home.training.submit(home.request("ftkrun1", rows, method=method, **(SETTINGS | settings)))
        run = home.run("ftkrun1")
        try:
            code = main([str(run.path)])
        finally:
            torch.use_deterministic_algorithms(False)
    return Ran(home, run, code, *(seen if len(seen) == 2 else (None, None)))


@cache
def trained(family: str) -> Ran:
    """A finished LoRA run of the family's tiny model; `before` and `after` are its frozen weights and its logits."""
    ran = run_of(model_folder(family), look=lambda model: (frozen_hashes(model), logits_of(model)))
    assert ran.code == 0, ran.run.state().error
    return ran


def frozen_hashes(model: Any) -> dict[str, str]:
    """SHA-256 of every weight that is not trained."""
    import hashlib

    return {
        name: hashlib.sha256(value.detach().contiguous().cpu().numpy().tobytes()).hexdigest()
        for name, value in model.named_parameters()
        if not value.requires_grad
    }


def logits_of(model: Any) -> Any:
    """What the model makes of `IDS`."""
    import torch

    with torch.no_grad():
        return model(input_ids=torch.tensor([IDS])).logits


def rows_for(family: str, count: int = 8) -> list[TrainingRow]:
    """Rows of different lengths as the trainer holds them."""
    renderer, _ = opened(family)
    return [
        TrainingRow(number, one.ids, one.labels)
        for number in range(1, count + 1)
        for one in renderer.render(conversation(number))
    ]


def load(folder: Path | str) -> Any:
    """The model as transformers loads it, in single precision."""
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
