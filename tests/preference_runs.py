"""Preference pairs on a tiny model for the tests of preference tuning: read, with an adapter, and with their reference."""

from __future__ import annotations

import hashlib
from typing import Any

import torch

from ftkit.hyperparameters import Hyperparameters
from ftkit_local.trainer.adapter import add_adapter
from ftkit_local.trainer.gradients import Work
from ftkit_local.trainer.pairs import PairRow, read_pairs
from ftkit_local.trainer.preference import Preference, with_reference
from ftkit_local.trainer.spec import SpecFile
from tests.local_runs import Home, Row, pair

CPU = torch.device("cpu")
PAIRS = [pair(number) for number in range(10)]
BETA = 0.3
SETTINGS = Hyperparameters(
    learning_rate=5e-3,
    schedule="linear",
    warmup_ratio=0.1,
    batch_size=4,
    lora_rank=4,
    lora_alpha=8,
    target_modules="all-linear",
    beta=BETA,
    seed=3,
)


def read(here: Home, rows: list[Row], max_length: int = 512) -> list[PairRow]:
    renderer = here.training.renderer(here.training.base(str(here.base_folder)))
    assert renderer is not None
    file = here.file(rows)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    return read_pairs(SpecFile(path=file, sha256=sha256), renderer, max_length=max_length)


def adapted(here: Home) -> Any:
    """A model with an adapter, the same one each time."""
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(here.base_folder, dtype=torch.float32)
    return add_adapter(model, SETTINGS, "x")


def nudged(model: Any) -> Any:
    """The model with another adapter than it started with."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "lora_B" in name:
                value.copy_(0.05 * torch.randn(value.shape, generator=generator))
    return model


def work(budget: int = 10_000, steps: int = 1) -> Work:
    return Work(SETTINGS, steps, budget, 0, CPU, Preference(BETA))


def started(here: Home, rows: list[Row] | None = None) -> tuple[Any, list[PairRow]]:
    model = adapted(here)
    pairs = read(here, PAIRS if rows is None else rows)
    return model, with_reference(model, pairs, work(), lambda: None)
