"""The training loop: which rows a step sees, what is written down of it, and when a run ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ftkit import clock
from ftkit.errors import TrainingError
from ftkit_local.trainer.batches import batches_of_run
from ftkit_local.trainer.gradients import Row, Work, accumulate_gradients, mean_loss
from ftkit_local.trainer.schedule import learning_rate

CLIP_NORM = 1.0


class Emit(Protocol):
    """Writes one event of the run."""

    def __call__(self, type: str, message: str, **data: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class Trained:
    """How training went: losses are nats per learned token, `tokens` are those computed without padding."""

    steps: int
    first_loss: float
    last_loss: float
    validation_loss: float | None
    tokens: int
    trained_tokens: int
    seconds: float
    stopped_early: str | None


def train(
    model: Any,
    rows: Sequence[Row],
    validation: Sequence[Row],
    work: Work,
    emit: Emit,
    interrupted: Callable[[], None],
) -> Trained:
    """Run all steps, or as many as its time allows; raises TrainingError at the first non-finite number.

    `interrupted` is called between steps and raises where the run shall end.
    """
    import torch

    settings = work.hyperparameters
    assert settings.learning_rate and settings.schedule and settings.batch_size
    assert settings.warmup_ratio is not None and settings.seed is not None
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(
        parameters, lr=settings.learning_rate, weight_decay=0.0, fused=True
    )
    per_epoch = math.ceil(len(rows) / settings.batch_size)
    losses: list[float] = []
    validation_loss = stopped_early = None
    tokens = trained_tokens = 0
    started = clock.monotonic()
    order = batches_of_run(
        [row.length for row in rows], settings.seed, settings.batch_size, work.steps
    )
    model.train()
    for step, (_, indices) in enumerate(order, 1):
        interrupted()
        began = clock.monotonic()
        batch = [rows[index] for index in indices]
        rate = learning_rate(
            step,
            steps=work.steps,
            peak=settings.learning_rate,
            schedule=settings.schedule,
            warmup_ratio=settings.warmup_ratio,
        )
        loss = accumulate_gradients(model, batch, work)
        _require_finite(loss, "loss", step, batch)
        norm = float(torch.nn.utils.clip_grad_norm_(parameters, CLIP_NORM))
        _require_finite(norm, "gradient", step, batch)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss)
        tokens += sum(row.tokens for row in batch)
        trained_tokens += sum(row.weight for row in batch)
        ended = clock.monotonic()
        emit(
            "step",
            f"step {step}/{work.steps}  loss {loss:.4f}",
            step=step,
            steps=work.steps,
            epoch=round(step / per_epoch, 4),
            loss=loss,
            learning_rate=rate,
            tokens=sum(row.tokens for row in batch),
            grad_norm=norm,
            seconds=round(ended - began, 4),
        )
        for name, limit in (
            ("max_time_s", settings.max_time_s),
            ("the time that its cost allows, in seconds,", work.stop_after_s),
        ):
            if limit is not None and step < work.steps and ended - started + ended - began > limit:
                stopped_early = f"{name} {limit:g} was reached after step {step} of {work.steps}"
        if validation and (step % per_epoch == 0 or step == work.steps or stopped_early):
            validation_loss = mean_loss(model, validation, work)
            _require_finite(validation_loss, "validation loss", step, validation)
            emit(
                "validation",
                f"step {step}/{work.steps}  held-out loss {validation_loss:.4f}",
                step=step,
                epoch=round(step / per_epoch, 4),
                loss=validation_loss,
                tokens=sum(row.weight for row in validation),
            )
        if stopped_early:
            break
    return Trained(
        steps=len(losses),
        first_loss=losses[0],
        last_loss=losses[-1],
        validation_loss=validation_loss,
        tokens=tokens,
        trained_tokens=trained_tokens,
        seconds=clock.monotonic() - started,
        stopped_early=stopped_early,
    )


def _require_finite(value: float, name: str, step: int, rows: Sequence[Row]) -> None:
    if math.isfinite(value):
        return
    numbers = sorted({row.number for row in rows})
    shown = ", ".join(map(str, numbers[:20])) + (", ..." if len(numbers) > 20 else "")
    raise TrainingError(
        f"step {step}: the {name} is {value} (rows {shown}); nothing was saved. Look at these rows, "
        "and lower learning_rate if they are in order"
    )
