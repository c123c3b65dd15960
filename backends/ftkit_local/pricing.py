"""Deciding every open setting of a local run, and what the run will need of this machine.

Defaults are the ones that worked on a real small model, or a published rule where ftkit has measured nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from ftkit.backend import Base, ModelRecord, Quantity, Resolved
from ftkit.catalogue.schema import Catalogue
from ftkit.data.tokens import Counts
from ftkit.errors import CapabilityError
from ftkit.hyperparameters import Hyperparameters, Method
from ftkit_local.bases import LocalBase, find_base
from ftkit_local.device import choose_device
from ftkit_local.sizing import Load, forecast, shape_of, token_budget
from ftkit_local.trainer.batches import steps_of

_LARGE = 1_000_000_000
_LORA_FIELDS = ("lora_rank", "lora_alpha", "target_modules")


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
        local = find_base(
            base.id, catalogue=self._catalogue, home=self._home, snapshot=base.snapshot
        )
        sequences = len(counts.lengths)
        settings = decided(hyperparameters, method, local, counts)
        assert settings.batch_size and settings.epochs
        steps = steps_of(sequences, settings.batch_size, settings.epochs)
        if settings.max_steps is not None:
            steps = min(steps, settings.max_steps)
        load = Load(
            shape_of(local.config, local.parameters),
            method,
            settings,
            counts.lengths,
            counts.trained_tokens,
            steps,
        )
        device = choose_device()
        expected = forecast(load, device, token_budget(load, device))
        return Resolved(base, method, settings, steps, counts, expected)

    def bill(self, resolved: Resolved) -> Sequence[Quantity]:
        """Hours of one's own machine, which nobody sends a bill for."""
        seconds = resolved.forecast.seconds if resolved.forecast is not None else 0.0
        hours = (Decimal(str(round(seconds, 1))) / 3600).quantize(Decimal("0.000001"))
        return [Quantity("own machine", hours, "hour", "machine-hour", paid=False)]

    def call_rates(self, record: ModelRecord) -> None:
        """Nobody sends a bill for an answer of this machine."""


def refuse_unsupported(method: Method, settings: Hyperparameters) -> None:
    """Raise CapabilityError naming the method or the field that local training does not have."""
    if method not in (Method.LORA, Method.FULL):
        raise CapabilityError(f"method {method} is not available yet on local; lora and full are")
    given = settings.given()
    if "learning_rate_multiplier" in given:
        raise CapabilityError(
            "learning_rate_multiplier is a setting of hosted providers; set learning_rate for local"
        )
    if "beta" in given:
        raise CapabilityError("beta belongs to method dpo, which is not available yet on local")
    for field in _LORA_FIELDS:
        if method is Method.FULL and field in given:
            raise CapabilityError(
                f"{field} belongs to method lora; leave it out, or use method lora"
            )


def decided(
    given: Hyperparameters, method: Method, base: LocalBase, counts: Counts
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
        "seed": 0,
    }
    if method is Method.LORA:
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
    return Hyperparameters(**{**values, **given.given()})


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
    limit = base.max_length
    wanted = given.max_length
    if wanted is not None and limit is not None and wanted > limit:
        raise CapabilityError(f"max_length {wanted} is more than {base.id} was made for ({limit})")
    allowed = wanted if wanted is not None else limit
    if allowed is not None and counts.longest > allowed:
        what = f"max_length {wanted}" if wanted is not None else f"the {limit} of {base.id}"
        raise CapabilityError(
            f"the longest row has {counts.longest} tokens, which is more than {what}; shorten or drop "
            "the long rows" + (", or raise max_length" if wanted is not None else "")
        )
    if wanted is not None:
        return wanted
    rounded = max(64, math.ceil(counts.longest / 64) * 64)
    return min(rounded, limit) if limit is not None else rounded
