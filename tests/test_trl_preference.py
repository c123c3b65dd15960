"""Preference tuning against TRL's DPOTrainer: the same pairs, order, schedule and first adapter give the same losses."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'local'")
pytest.importorskip("trl", reason="TRL is the judge here")

import datasets
from torch.utils.data import SequentialSampler
from transformers import AutoTokenizer
from trl import DPOConfig, DPOTrainer

from ftkit.data.tokens import IGNORED
from ftkit_local.trainer import loop
from ftkit_local.trainer.batches import batches_of_run
from ftkit_local.trainer.pairs import PairRow
from ftkit_local.trainer.schedule import learning_rate
from tests import prepared_runs
from tests.local_runs import Home, pair
from tests.preference_runs import BETA, SETTINGS, started, work

base_folder, here = prepared_runs.base_folder, prepared_runs.here


def test_twenty_four_losses_are_those_of_trl(here: Home, tmp_path: Path) -> None:
    steps = 24
    # twelve pairs: an epoch of ten would end in a step of two, which TRL has no way to say
    model, rows = started(here, [pair(number) for number in range(12)])
    judged = copy.deepcopy(model)
    order = [
        rows[index]
        for _, batch in batches_of_run([row.length for row in rows], 3, 4, steps)
        for index in batch
    ]
    losses: list[dict[str, Any]] = []
    told: list[float] = []

    def emit(type: str, message: str, **data: Any) -> None:
        losses.append(data)

    loop.train(model, rows, [], work(steps=steps), emit, lambda: None)

    class InOurOrder(DPOTrainer):  # type: ignore[misc]
        def _prepare_dataset(self, dataset: Any, *rest: Any, **more: Any) -> Any:
            return dataset

        def _get_train_sampler(self, dataset: Any = None) -> Any:
            return SequentialSampler(self.train_dataset)

        def compute_loss(self, *arguments: Any, **more: Any) -> Any:
            loss = super().compute_loss(*arguments, **more)
            told.append((loss[0] if isinstance(loss, tuple) else loss).item())
            return loss

    def columns(row: PairRow) -> dict[str, list[int]]:
        start = next(place for place, label in enumerate(row.better.labels) if label != IGNORED)
        return {
            "prompt_ids": list(row.better.ids[:start]),
            "chosen_ids": list(row.better.ids[start:]),
            "rejected_ids": list(row.worse.ids[start:]),
        }

    trained = [value for value in judged.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1.0, weight_decay=0.0)
    assert SETTINGS.learning_rate and SETTINGS.schedule and SETTINGS.warmup_ratio is not None
    rates = [
        learning_rate(
            step,
            steps=steps,
            peak=SETTINGS.learning_rate,
            schedule=SETTINGS.schedule,
            warmup_ratio=SETTINGS.warmup_ratio,
        )
        for step in range(1, steps + 1)
    ]
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: [*rates, 0.0][done])
    trainer = InOurOrder(
        model=judged,
        args=DPOConfig(
            output_dir=str(tmp_path / "trl"),
            beta=BETA,
            per_device_train_batch_size=4,
            num_train_epochs=1,
            max_grad_norm=1.0,
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
        ),
        processing_class=AutoTokenizer.from_pretrained(here.base_folder),
        train_dataset=datasets.Dataset.from_list([columns(row) for row in order]),
        optimizers=(optimizer, schedule),
    )
    trainer.train()

    ours = [one["loss"] for one in losses]
    assert len(ours) == len(told) == steps
    assert ours == pytest.approx(told, abs=1e-4)
    assert ours[-1] < ours[0] - 0.05  # it learned, or there would be nothing to compare
    theirs = dict(judged.named_parameters())
    for name, value in model.named_parameters():
        if value.requires_grad:
            torch.testing.assert_close(value, theirs[name], rtol=1e-3, atol=1e-5)
