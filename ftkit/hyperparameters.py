"""The one typed object for the settings of a training run, the same for every provider.

Every field may be left out: the backend resolves it. A field that a provider cannot honour is an error that names it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ftkit.errors import ConfigError


class Method(StrEnum):
    """How weights are changed."""

    LORA = "lora"
    QLORA = "qlora"
    FULL = "full"
    DPO = "dpo"


class Hyperparameters(BaseModel):
    """Settings of one run; None means "the backend decides and says so in the plan".

    `precision` is the number format of products with weights that are not trained; what is trained is fp32 always.
    `early_stopping_patience` is after how many validations in a row without a lower loss a run ends; None ends none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: float | None = Field(None, gt=0)
    max_steps: int | None = Field(None, ge=1)
    max_time_s: float | None = Field(None, gt=0)
    learning_rate: float | None = Field(None, gt=0)
    learning_rate_multiplier: float | None = Field(None, gt=0)
    schedule: Literal["constant", "linear", "cosine"] | None = None
    warmup_ratio: float | None = Field(None, ge=0, lt=1)
    batch_size: int | None = Field(None, ge=1)
    lora_rank: int | None = Field(None, ge=1)
    lora_alpha: float | None = Field(None, gt=0)
    target_modules: tuple[str, ...] | Literal["all-linear"] | None = None
    train_on: Literal["assistant", "last", "all"] | None = None
    max_length: int | None = Field(None, ge=8)
    beta: float | None = Field(None, gt=0)
    early_stopping_patience: int | None = Field(None, ge=1)
    precision: Literal["fp32", "bf16"] | None = None
    seed: int | None = Field(None, ge=0, lt=2**31)

    def given(self) -> dict[str, Any]:
        """The fields that somebody set, as plain values."""
        return self.model_dump(exclude_none=True, mode="json")

    def overridden_by(self, other: Hyperparameters) -> Hyperparameters:
        """These settings with every field that `other` sets taken from `other`."""
        return Hyperparameters(**{**self.given(), **other.given()})


def parse_hyperparameters(values: dict[str, Any], origin: str) -> Hyperparameters:
    """Checked settings from loose ones; `origin` (a file, "arguments") stands in the error."""
    from pydantic import ValidationError

    from ftkit.words import nearest

    for name in values:
        if name not in Hyperparameters.model_fields:
            hint = nearest(name, Hyperparameters.model_fields)
            raise ConfigError(f"{origin}: there is no hyperparameter {name!r}{hint}")
    try:
        return Hyperparameters(**values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"{origin}: {field} = {first['input']!r}: {first['msg'].lower()}"
        ) from error
