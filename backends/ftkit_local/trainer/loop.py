"""The training loop: which rows a step sees, what is written down of it, when a run is kept and when it ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Protocol

from ftkit import clock
from ftkit.errors import TrainingError
from ftkit_local.trainer.batches import batches_of_run
from ftkit_local.trainer.best import Best
from ftkit_local.trainer.checkpoint import Checkpoint, Checkpoints, Progress
from ftkit_local.trainer.gradients import Row, Work, accumulate_gradients, mean_loss
from ftkit_local.trainer.interrupts import Paused
from ftkit_local.trainer.out_of_memory import within_memory
from ftkit_local.trainer.schedule import learning_rate

CLIP_NORM = 1.0


class Emit(Protocol):
    """Writes one event of the run."""

    def __call__(self, type: str, message: str, **data: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class Trained:
    """How training went; `stopped_early` says why it has fewer steps than planned."""

    progress: Progress
    stopped_early: str | None = None


def train(
    model: Any,
    rows: Sequence[Row],
    validation: Sequence[Row],
    work: Work,
    emit: Emit,
    interrupted: Callable[[], None],
    *,
    checkpoints: Checkpoints | None = None,
    goes_on: Checkpoint | None = None,
) -> Trained:
    """Run all steps, or as many as its time allows; raises TrainingError at the first non-finite number.

    `interrupted` is called between steps and raises where the run shall end. The order of the rows and the learning rate
    depend on the step alone, so a run that `goes_on` behind a checkpoint takes the same steps as one that was never stopped.
    """
    import torch

    settings = work.hyperparameters
    assert settings.learning_rate and settings.schedule and settings.batch_size
    assert settings.warmup_ratio is not None and settings.seed is not None
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(
        parameters, lr=settings.learning_rate, weight_decay=0.0, fused=True
    )
    done = Progress()
    if goes_on is not None:
        goes_on.restore(model, optimizer)
        done = goes_on.progress
        work = replace(work, token_budget=done.token_budget)
    per_epoch = math.ceil(len(rows) / settings.batch_size)
    best = Best(
        settings.early_stopping_patience,
        step=done.best_step,
        loss=done.best_loss,
        waited=done.waited,
        weights=None if goes_on is None else goes_on.best(),
    )
    before_s, started = done.seconds, clock.monotonic()
    stopped_early: str | None = None
    order = batches_of_run(
        [row.length for row in rows], settings.seed, settings.batch_size, work.steps
    )
    model.train()
    for step, (_, indices) in enumerate(islice(order, done.step, None), done.step + 1):
        try:
            interrupted()
        except Paused:
            if checkpoints is not None and done.step:
                _keep(checkpoints, model, optimizer, done, best, emit)
            raise
        began = clock.monotonic()
        batch = [rows[index] for index in indices]
        rate = learning_rate(
            step,
            steps=work.steps,
            peak=settings.learning_rate,
            schedule=settings.schedule,
            warmup_ratio=settings.warmup_ratio,
        )
        loss, work = within_memory(accumulate_gradients, model, batch, work, emit)
        _require_finite(loss, "loss", step, batch)
        norm = float(torch.nn.utils.clip_grad_norm_(parameters, CLIP_NORM))
        _require_finite(norm, "gradient", step, batch)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        optimizer.zero_grad()
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
            **work.objective.figures(),
        )
        took = before_s + ended - started
        stopped_early = _out_of_time(work, step, took + ended - began)
        if validation and (step % per_epoch == 0 or step == work.steps or stopped_early):
            judged, work = within_memory(mean_loss, model, validation, work, emit)
            _require_finite(judged, "validation loss", step, validation)
            emit(
                "validation",
                f"step {step}/{work.steps}  held-out loss {judged:.4f}",
                step=step,
                epoch=round(step / per_epoch, 4),
                loss=judged,
                tokens=sum(row.trained for row in validation),
                **work.objective.figures(),
            )
            no_better = best.judge(model, step, judged)
            stopped_early = stopped_early or (no_better if step < work.steps else None)
        done = Progress(
            step=step,
            token_budget=work.token_budget,
            first_loss=done.first_loss if done.step else loss,
            last_loss=loss,
            best_step=best.step,
            best_loss=best.loss,
            waited=best.waited,
            tokens=done.tokens + sum(row.tokens for row in batch),
            trained_tokens=done.trained_tokens + sum(row.trained for row in batch),
            seconds=before_s + clock.monotonic() - started,
        )
        if stopped_early:
            break
        if checkpoints is not None and step < work.steps and checkpoints.due(step):
            _keep(checkpoints, model, optimizer, done, best, emit)
    best.restore(model)
    return Trained(done, stopped_early)


def _keep(
    checkpoints: Checkpoints, model: Any, optimizer: Any, done: Progress, best: Best, emit: Emit
) -> None:
    """Write a checkpoint; a disk that does not take it stops no run, whose earlier one stays good."""
    from safetensors import SafetensorError

    try:
        checkpoints.save(model, optimizer, done, best.weights)
    except (OSError, SafetensorError) as error:
        emit(
            "checkpoint failed",
            f"step {done.step} could not be kept ({error}); free space for {checkpoints.folder}. The run goes on",
            step=done.step,
        )
        return
    emit("checkpoint", f"step {done.step} is kept", step=done.step)


def _out_of_time(work: Work, step: int, next_step_ends_at: float) -> str | None:
    """Why the run ends behind this step: the next one would take too long."""
    limits = (
        ("max_time_s", work.hyperparameters.max_time_s),
        ("the time that its cost allows, in seconds,", work.stop_after_s),
    )
    for name, limit in limits:
        if limit is not None and step < work.steps and next_step_ends_at > limit:
            return f"{name} {limit:g} was reached after step {step} of {work.steps}"
    return None


def _require_finite(value: float, name: str, step: int, rows: Sequence[Row]) -> None:
    if math.isfinite(value):
        return
    numbers = sorted({row.number for row in rows})
    shown = ", ".join(map(str, numbers[:20])) + (", ..." if len(numbers) > 20 else "")
    raise TrainingError(
        f"step {step}: the {name} is {value} (rows {shown}); nothing was saved. Look at these rows, "
        "and lower learning_rate if they are in order"
    )
