"""The best weights of a run by its held-out rows: they are what is published, whatever came after them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Best:
    """Follows the validations of a run. `patience` is how many without a better one end it; None ends none.

    `step` and `loss` are those of the best so far, `waited` the validations since; `weights` are kept as a copy in the
    machine's memory, of what is trained alone. A run that goes on gives them as they were.
    """

    def __init__(
        self,
        patience: int | None,
        *,
        step: int | None = None,
        loss: float | None = None,
        waited: int = 0,
        weights: Mapping[str, Any] | None = None,
    ) -> None:
        self._patience = patience
        self.step = step
        self.loss = loss
        self.waited = waited
        self.weights = dict(weights or {})

    def judge(self, model: Any, step: int, loss: float) -> str | None:
        """Take note of a validation behind `step`; the reason to end the run there, or None."""
        if self.loss is None or loss < self.loss:
            self.step, self.loss, self.waited = step, loss, 0
            self.weights = {
                name: value.detach().to("cpu", copy=True) for name, value in _trained(model).items()
            }
            return None
        self.waited += 1
        if self._patience is None or self.waited < self._patience:
            return None
        return (
            f"no better validation since step {self.step}, early_stopping_patience {self._patience} was reached "
            f"after step {step}"
        )

    def restore(self, model: Any) -> None:
        """Put the best weights into the model; without any validation it stays as it is."""
        import torch

        trained = _trained(model)
        with torch.no_grad():
            for name, value in self.weights.items():
                trained[name].copy_(value)


def _trained(model: Any) -> dict[str, Any]:
    return {name: one for name, one in model.named_parameters() if one.requires_grad}
