"""The training loop: what a step does, and when a run ends.

The loss of a step is the cross-entropy summed over all learned tokens of its rows, divided by their number, so neither
the split into micro-batches nor padding nor the order of rows changes a gradient. No attention mask is passed: padding
stands on the right, and a causal model's tokens never look there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ftkit import clock
from ftkit.data.tokens import IGNORED
from ftkit.errors import TrainingError
from ftkit.hyperparameters import Hyperparameters
from ftkit_local.projection import labelled_logits
from ftkit_local.trainer.batches import batches_of_run, micro_batches
from ftkit_local.trainer.rows import TrainingRow
from ftkit_local.trainer.schedule import learning_rate

if TYPE_CHECKING:
    from torch import Tensor

CLIP_NORM = 1.0


class Emit(Protocol):
    """Writes one event of the run."""

    def __call__(self, type: str, message: str, **data: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class Work:
    """A run with nothing left to decide: `token_budget` bounds the padded tokens of a micro-batch.

    `stop_after_s` is how long it may take for its cost, beside `max_time_s` of the hyperparameters.
    """

    hyperparameters: Hyperparameters
    steps: int
    token_budget: int
    pad_id: int
    device: Any
    stop_after_s: float | None = None


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
    rows: Sequence[TrainingRow],
    validation: Sequence[TrainingRow],
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
        [len(row.ids) for row in rows], settings.seed, settings.batch_size, work.steps
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
        tokens += sum(len(row.ids) for row in batch)
        trained_tokens += sum(row.trained for row in batch)
        ended = clock.monotonic()
        emit(
            "step",
            f"step {step}/{work.steps}  loss {loss:.4f}",
            step=step,
            steps=work.steps,
            epoch=round(step / per_epoch, 4),
            loss=loss,
            learning_rate=rate,
            tokens=sum(len(row.ids) for row in batch),
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
                tokens=sum(row.trained for row in validation),
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


def accumulate_gradients(model: Any, rows: Sequence[TrainingRow], work: Work) -> float:
    """Add the gradients of one step's rows; returns its loss in nats per learned token, not finite if it is not."""
    trained = sum(row.trained for row in rows)
    total = 0.0
    for piece in micro_batches([len(row.ids) for row in rows], work.token_budget):
        loss = _summed_loss(model, [rows[index] for index in piece], work)
        (loss / trained).backward()
        total += loss.item()
    return total / trained


def mean_loss(model: Any, rows: Sequence[TrainingRow], work: Work) -> float:
    """Loss in nats per learned token without training, as held-out data is scored."""
    import torch

    model.eval()
    total = 0.0
    with torch.no_grad():
        for piece in micro_batches([len(row.ids) for row in rows], work.token_budget):
            total += _summed_loss(model, [rows[index] for index in piece], work).item()
    model.train()
    return total / sum(row.trained for row in rows)


def _summed_loss(model: Any, rows: Sequence[TrainingRow], work: Work) -> Tensor:
    import torch

    longest = max(len(row.ids) for row in rows)
    ids = torch.full((len(rows), longest), work.pad_id)
    labels = torch.full((len(rows), longest), IGNORED)
    for index, row in enumerate(rows):
        ids[index, : len(row.ids)] = torch.tensor(row.ids)
        labels[index, : len(row.labels)] = torch.tensor(row.labels)
    ids, labels = ids.to(work.device), labels.to(work.device)
    learned = labels != IGNORED
    logits = labelled_logits(model, ids, None, learned)
    targets = labels[:, 1:][learned[:, 1:]]
    return torch.nn.functional.cross_entropy(logits.float(), targets, reduction="sum")


def _require_finite(value: float, name: str, step: int, rows: Sequence[TrainingRow]) -> None:
    if math.isfinite(value):
        return
    numbers = sorted({row.number for row in rows})
    shown = ", ".join(map(str, numbers[:20])) + (", ..." if len(numbers) > 20 else "")
    raise TrainingError(
        f"step {step}: the {name} is {value} (rows {shown}); nothing was saved. Look at these rows, "
        "and lower learning_rate if they are in order"
    )
