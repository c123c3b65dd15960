"""Activations that are computed again in backward instead of being kept: a fraction of the memory, a third more time."""

from __future__ import annotations

from typing import Any


def recompute_activations(model: Any) -> None:
    """Keep only the input of each decoder layer while training; gradients stay the same, dropout included."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    # transformers renamed it; the old name warns, and the new one is not in every version of this major one
    enable = (
        getattr(base, "activation_checkpointing_enable", None) or base.gradient_checkpointing_enable
    )
    enable({"use_reentrant": False})
