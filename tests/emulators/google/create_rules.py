"""The rules of a create: what the body may hold, which base is tuned where. It says no before anything exists.

What is in the bucket is not looked at yet: a file that is missing or wrong makes the job fail later.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .bodies import whole
from .prices import BASES, Base
from .records import Settings
from .refusals import Refused

SPECS = {
    "supervisedTuningSpec": "supervised",
    "preferenceOptimizationSpec": "preference",
}
SIZES = {
    "ONE": 1,
    "TWO": 2,
    "FOUR": 4,
    "EIGHT": 8,
    "SIXTEEN": 16,
    "THIRTY_TWO": 32,
}
OPEN_ONLY = ("learningRate", "batchSize")
GS = re.compile(r"gs://([a-z0-9][a-z0-9._-]{1,61}[a-z0-9])/(.+)")
LABEL = re.compile(r"[\w-]{0,64}")
MOST_LABELS = 64


@dataclass(frozen=True, slots=True)
class Asked:
    """A body that is in order. `body` is it, to be shown again; `epochs` is None where it was left out."""

    body: dict[str, Any]
    method: str
    spec: dict[str, Any]
    base_model: str | None
    tuned_model: str | None
    checkpoint: str | None
    epochs: int | None
    rank: int | None
    labels: dict[str, str]
    display_name: str | None
    output_uri: str | None

    @property
    def training(self) -> str:
        """The URI of the training data."""
        return str(self.spec["trainingDatasetUri"])

    @property
    def validation(self) -> str | None:
        """That of the validation data."""
        return self.spec.get("validationDatasetUri")

    @property
    def last_only(self) -> bool:
        """True where no checkpoint but the last is kept."""
        return bool(self.spec.get("exportLastCheckpointOnly"))


def read(body: dict[str, Any]) -> Asked:
    """The body's fields; refused where one breaks a rule that needs no base."""
    specs = [name for name in body if name.endswith("Spec") and name != "encryptionSpec"]
    if len(specs) != 1:
        raise _bad("Exactly one tuning spec must be set.")
    if specs[0] not in SPECS:
        raise _bad(
            f"Tuning with {specs[0]} is not enabled for this project.", "FAILED_PRECONDITION"
        )
    spec = body[specs[0]]
    tuned = body.get("preTunedModel")
    if (body.get("baseModel") is None) == (tuned is None):
        raise _bad("Exactly one of base_model and pre_tuned_model must be set.")
    for name in ("trainingDatasetUri", "validationDatasetUri"):
        uri = spec.get(name)
        if uri is None and name == "trainingDatasetUri":
            raise _bad("training_dataset_uri is required.")
        if uri is not None and not GS.fullmatch(str(uri)):
            raise _bad(f"{uri!r} is not a Cloud Storage path to a JSONL file.")
    if len(body.get("tunedModelDisplayName") or "") > 128:
        raise _bad("tuned_model_display_name must be at most 128 characters long.")
    hyper = spec.get("hyperParameters") or {}
    return Asked(
        body=body,
        method=SPECS[specs[0]],
        spec=spec,
        base_model=body.get("baseModel"),
        tuned_model=tuned.get("tunedModelName") if tuned else None,
        checkpoint=tuned.get("checkpointId") if tuned else None,
        epochs=_epochs(hyper),
        rank=_rank(hyper),
        labels=labels(body.get("labels")),
        display_name=body.get("tunedModelDisplayName"),
        output_uri=body.get("outputUri"),
    )


def labels(found: Any) -> dict[str, str]:
    """At most 64 pairs of lower-case words of at most 64 letters; refused otherwise."""
    if found is None:
        return {}
    if not isinstance(found, dict) or len(found) > MOST_LABELS:
        raise _bad(f"At most {MOST_LABELS} labels are allowed.")
    for key, value in found.items():
        if not key or not key[0].isalpha() or not _lower(key):
            raise _bad(f"Label key {key!r} must be at most 64 lower-case letters, digits, _ and -.")
        if not isinstance(value, str) or not _lower(value):
            raise _bad(
                f"Label value {value!r} must be at most 64 lower-case letters, digits, _ and -."
            )
    return found


def base_of(asked: Asked, location: str, settings: Settings, now: datetime) -> Base:
    """The base to tune, unless it is not tuned, not here, or not any more."""
    name = str(asked.base_model).removeprefix("publishers/google/models/")
    base = BASES.get(name)
    if base is None or not base.methods or (base.shutdown and now.date() >= base.shutdown):
        raise _bad(f"Base model {name} is not supported for tuning.")
    check(base, asked, location, settings, now)
    return base


def check(base: Base, asked: Asked, location: str, settings: Settings, now: datetime) -> None:
    """Refused where this base is not tuned so, here and now."""
    if settings.tuning_closed or (
        settings.new_project and base.closed_to_new and now.date() >= base.closed_to_new
    ):
        raise _bad(
            f"Base model {base.name} is no longer available for tuning in this project.",
            "FAILED_PRECONDITION",
        )
    if asked.method not in base.methods:
        raise _bad(f"Base model {base.name} does not support {asked.method} tuning.")
    if location not in base.tuned_in:
        raise _bad(
            f"Tuning of {base.name} is not supported in location {location}; it is in "
            f"{', '.join(base.tuned_in)}."
        )
    if asked.rank is not None and asked.rank not in base.ranks:
        raise _bad(f"Adapter size {asked.rank} is not supported for {base.name}.")
    hyper = asked.spec.get("hyperParameters") or {}
    if base.open:
        if not asked.output_uri or not str(asked.output_uri).startswith("gs://"):
            raise _bad("output_uri is required to tune an open source model.")
        if hyper.get("learningRateMultiplier") is not None:
            raise _bad("learning_rate_multiplier is not supported for open source models.")
        return
    for name in OPEN_ONLY:
        if hyper.get(name) is not None:
            raise _bad(f"{name} is only supported for open source models.")
    if asked.output_uri or asked.spec.get("tuningMode"):
        raise _bad("output_uri and tuning_mode are only supported for open source models.")
    beta = hyper.get("beta")
    if beta is not None and not 0 <= beta <= 1:
        raise _bad("beta must be from 0 to 1.")


def _lower(text: str) -> bool:
    return bool(LABEL.fullmatch(text)) and text == text.lower()


def _epochs(hyper: dict[str, Any]) -> int | None:
    value = hyper.get("epochCount")
    if value is None:
        return None
    epochs = whole(value)
    if epochs is None or not 1 <= epochs <= 100:
        raise _bad("epoch_count must be a whole number from 1 to 100.")
    return epochs


def _rank(hyper: dict[str, Any]) -> int | None:
    size = hyper.get("adapterSize")
    if size is None:
        return None
    word = str(size).removeprefix("ADAPTER_SIZE_")
    if word not in SIZES:
        raise _bad(f"{size!r} is not an adapter size.")
    return SIZES[word]


def _bad(message: str, code: str | None = None) -> Refused:
    return Refused(400, message, code=code)
