"""Deciding every open setting of a local run, and what the run will need of this machine.

Defaults are the ones that worked on a real small model, or a published rule where ftkit has measured nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from ftkit.backend import Base, ModelRecord, Quantity, Resolved
from ftkit.catalogue.schema import Catalogue
from ftkit.data.tokens import Counts
from ftkit.errors import CapabilityError, NotInstalled
from ftkit.hyperparameters import Hyperparameters, Method
from ftkit_local.bases import LocalBase
from ftkit_local.device import choose_device
from ftkit_local.precision import refuse_impossible, usual_precision
from ftkit_local.sizing import Load, forecast, shape_of, token_budget
from ftkit_local.starting_point import found_again
from ftkit_local.trainer.batches import steps_of
from ftkit_local.trainer.quantised import INSTALL, installed

if TYPE_CHECKING:
    import torch

_LARGE = 1_000_000_000
_SHORT = 60.0  # seconds of a run that nobody has to make faster
_LORA_FIELDS = ("lora_rank", "lora_alpha", "target_modules")
# beta is that of the paper (arXiv 2305.18290) and of TRL, the warm-up that of Zephyr (arXiv 2310.16944). 5e-6 is the rate of
# LoRA in TRL's own script (trl/scripts/dpo.py, 1.16) and in the recipes of Zephyr, for tens of thousands of pairs. Of a 135M model
# 72 pairs in two epochs moved the held-out margin to 0.25 at 5e-6 and to 3.3 at 5e-5; at 5e-4 (20.6) it wrote worse answers.
_OF_PREFERENCE = {"beta": 0.1, "train_on": "last", "warmup_ratio": 0.1}


class LocalPricing:
    """Pricing of the local backend: no money, but memory, hours and settings."""

    def __init__(self, home: Path, catalogue: Catalogue) -> None:
        self._home = home
        self._catalogue = catalogue

    def resolve(
        self, base: Base, method: Method, hyperparameters: Hyperparameters, counts: Counts
    ) -> Resolved:
        """Decide every open setting; raises CapabilityError naming a field that cannot be honoured."""
        refuse_unsupported(method, hyperparameters)
        start = found_again(base, catalogue=self._catalogue, home=self._home)
        local, hyperparameters = start.base, start.settings(method, hyperparameters)
        sequences = len(counts.lengths)
        device = choose_device()
        if method is Method.QLORA and device.type == "mps":
            raise CapabilityError(
                f"method qlora runs on a CUDA GPU or a processor, not on {device}; use method lora"
            )
        settings = decided(hyperparameters, method, local, counts, device)
        assert settings.batch_size and settings.epochs
        steps = steps_of(sequences, settings.batch_size, settings.epochs)
        if settings.max_steps is not None:
            steps = min(steps, settings.max_steps)
        load = Load(
            shape_of(local.config, local.parameters),
            method,
            settings,
            padded_lengths(method, counts),
            counts.trained_tokens,
            steps,
            keeps_best=settings.early_stopping_patience is not None,
        )
        budget = token_budget(load, device)
        expected = forecast(load, device, budget)
        notes = [] if base.continues is None else [f"training goes on from {base.continues}"]
        if hyperparameters.precision is None and expected.seconds > _SHORT:
            notes += _faster_in_bf16(load, device, budget, expected.seconds)
        if local.attached is not None:
            notes.append(
                f"{base.id} has no chat template: it is trained and asked in {local.attached}"
            )
        return Resolved(base, method, settings, steps, counts, expected, notes=tuple(notes))

    def bill(self, resolved: Resolved) -> Sequence[Quantity]:
        """Hours of one's own machine, which nobody sends a bill for."""
        seconds = resolved.forecast.seconds if resolved.forecast is not None else 0.0
        hours = (Decimal(str(round(seconds, 1))) / 3600).quantize(Decimal("0.000001"))
        return [Quantity("own machine", hours, "hour", "machine-hour", paid=False)]

    def call_rates(self, record: ModelRecord) -> None:
        """Nobody sends a bill for an answer of this machine."""


def _faster_in_bf16(load: Load, device: torch.device, budget: int, seconds: float) -> list[str]:
    """What the other precision would gain, where this processor multiplies bf16 that much faster."""
    if load.hyperparameters.precision == "bf16":
        return []
    try:
        refuse_impossible("bf16", load.method, device)
    except CapabilityError:
        return []
    rounded = load.hyperparameters.model_copy(update={"precision": "bf16"})
    shorter = forecast(replace(load, hyperparameters=rounded), device, budget).seconds
    if shorter > 0.85 * seconds:
        return []
    less = 1 - shorter / seconds
    return [
        f"precision bf16 would take about {less:.0%} less time here; it moves losses by tenths of a percent"
    ]


def refuse_unsupported(method: Method, settings: Hyperparameters) -> None:
    """Raise CapabilityError naming the method or the field that local training does not have."""
    if method is Method.QLORA and not installed():
        raise NotInstalled(f"method qlora needs bitsandbytes: {INSTALL}")
    given = settings.given()
    if "learning_rate_multiplier" in given:
        raise CapabilityError(
            "learning_rate_multiplier is a setting of hosted providers; set learning_rate for local"
        )
    if "beta" in given and method is not Method.DPO:
        raise CapabilityError("beta belongs to method dpo; leave it out, or use method dpo")
    if method is Method.DPO and given.get("train_on", "last") != "last":
        raise CapabilityError(
            f"train_on {settings.train_on!r}: of a preference pair only the answers are learned; leave it out"
        )
    for field in _LORA_FIELDS:
        if method is Method.FULL and field in given:
            raise CapabilityError(
                f"{field} belongs to method lora; leave it out, or use method lora"
            )


def decided(
    given: Hyperparameters,
    method: Method,
    base: LocalBase,
    counts: Counts,
    device: torch.device,
) -> Hyperparameters:
    """The given settings with a default for every field that applies and was left open."""
    large = base.parameters > _LARGE
    batch_size = given.batch_size or 8
    values: dict[str, object] = {
        "batch_size": batch_size,
        "epochs": _epochs(given, len(counts.lengths), batch_size),
        # A line to zero after a short warm-up: the usual schedule of short fine-tuning runs.
        "schedule": "linear",
        "warmup_ratio": 0.05,
        "train_on": "assistant",
        "max_length": _max_length(given, base, counts),
        "precision": usual_precision(method, device),
        "seed": 0,
    }
    if method is not Method.FULL:
        # Rank 16 on all linear layers at 5e-4 took a 135M model from 0 to 88 of 100 right answers in two epochs.
        # Larger models take a smaller rate: 2e-4 is QLoRA's for 7B to 13B (arXiv 2305.14314). alpha stays at 32
        # whatever the rank, because then the best rate hardly depends on the rank.
        values |= {
            "learning_rate": 2e-4 if large else 5e-4,
            "lora_rank": 16,
            "lora_alpha": 32.0,
            "target_modules": "all-linear",
        }
    else:
        # Full tuning takes about a tenth of LoRA's rate.
        values["learning_rate"] = 2e-5 if large else 5e-5
    if method is Method.DPO:
        values |= _OF_PREFERENCE | {"learning_rate": 5e-6 if large else 5e-5}
    chosen = Hyperparameters(**{**values, **given.given()})
    refuse_impossible(chosen.precision or "fp32", method, device)
    return chosen


def padded_lengths(method: Method, counts: Counts) -> tuple[int, ...]:
    """Tokens of each row as a step holds them: a preference pair is two sequences, the shorter one padded."""
    if method is not Method.DPO:
        return counts.lengths
    pairs = counts.pairs or tuple((length, length) for length in counts.lengths)
    return tuple(2 * max(pair) for pair in pairs)


def _epochs(given: Hyperparameters, sequences: int, batch_size: int) -> float:
    if given.max_steps is not None and given.epochs is None:
        per_epoch = max(1, math.ceil(sequences / batch_size))
        return given.max_steps / per_epoch
    # Few rows have to be seen more often; many rows are learned in one pass.
    if sequences < 1_000:
        return 3.0
    return 2.0 if sequences <= 10_000 else 1.0


def _max_length(given: Hyperparameters, base: LocalBase, counts: Counts) -> int:
    """The given limit, or the longest row rounded up to 64 within the model's own limit."""
    limit, longest = (
        base.max_length,
        max((max(pair) for pair in counts.pairs), default=counts.longest),
    )
    wanted = given.max_length
    if wanted is not None and limit is not None and wanted > limit:
        raise CapabilityError(f"max_length {wanted} is more than {base.id} was made for ({limit})")
    allowed = wanted if wanted is not None else limit
    if allowed is not None and longest > allowed:
        what = f"max_length {wanted}" if wanted is not None else f"the {limit} of {base.id}"
        raise CapabilityError(
            f"the longest row has {longest} tokens, which is more than {what}; shorten or drop "
            "the long rows" + (", or raise max_length" if wanted is not None else "")
        )
    if wanted is not None:
        return wanted
    rounded = max(64, math.ceil(longest / 64) * 64)
    return min(rounded, limit) if limit is not None else rounded
