"""States of a model that its provider kept while it was trained: each is a model of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ftkit.backend import Checkpoint, ModelRecord
from ftkit.config import Settings
from ftkit.models import Model


@dataclass(frozen=True, slots=True)
class JobCheckpoint:
    """A state after `step` steps: `id` is its native model id, `metrics` the provider's numbers by their names there."""

    id: str
    step: int
    metrics: Mapping[str, float]
    record: ModelRecord = field(repr=False)
    _settings: Settings = field(repr=False, compare=False)

    @property
    def model_id(self) -> str:
        """`instance/id`, which `ftkit.model` opens too, without what is frozen with the job."""
        return self.record.id

    def model(self) -> Model:
        """Its handle, which answers under the system prompt that was frozen with the job."""
        return Model(self.record, self._settings)

    def __str__(self) -> str:
        numbers = ", ".join(f"{name} {value:g}" for name, value in self.metrics.items())
        return f"step {self.step:<6} {self.model_id}" + (f"  {numbers}" if numbers else "")


def as_checkpoint(kept: Checkpoint, of: ModelRecord, settings: Settings) -> JobCheckpoint:
    """What the provider kept of the job whose model has the record `of`."""
    record = replace(of, native=kept.id, adapter=None)
    numbers = {name: value for name, value in kept.metrics.items() if name != "step"}
    return JobCheckpoint(kept.id, kept.step, numbers, record, settings)
