"""The create of a tuning job: as it is asked of the SDK, and as it goes over the wire.

The configuration is an object and never a dict, of which the SDK drops `pre_tuned_model_checkpoint_id` without a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftkit.backend import TrainRequest, Upload
from ftkit.catalogue import RateUse
from ftkit.hyperparameters import Method
from ftkit_google import wire
from ftkit_google.pricing import ADAPTER_SIZES

_MAX_NAME = 128
_SPEC = {Method.DPO: "preferenceOptimizationSpec"}
_SDK = {Method.DPO: "PREFERENCE_TUNING"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A job to be made; the weights of an open model go to the folder `output`."""

    request: TrainRequest
    output: str | None

    @property
    def settings(self) -> dict[str, Any]:
        """Hyperparameters by the names of the API."""
        given = self.request.hyperparameters
        rank = given.lora_rank
        named = {
            "epochCount": int(given.epochs or 1),
            "learningRateMultiplier": given.learning_rate_multiplier,
            "learningRate": given.learning_rate,
            "batchSize": given.batch_size,
            "adapterSize": None if rank is None else f"ADAPTER_SIZE_{ADAPTER_SIZES[rank]}",
            "beta": given.beta,
        }
        return {name: value for name, value in named.items() if value is not None}

    @property
    def mode(self) -> str | None:
        """Of open models; a Gemini is tuned in one way only."""
        if self.output is None:
            return None
        full = self.request.method is Method.FULL
        return "TUNING_MODE_FULL" if full else "TUNING_MODE_PEFT_ADAPTER"

    def body(self) -> dict[str, Any]:
        """As it goes over the wire."""
        request = self.request
        spec: dict[str, Any] = {
            "trainingDatasetUri": _file(request.train_file, request.train_upload),
            "hyperParameters": self.settings,
        }
        if request.validation_file is not None:
            spec["validationDatasetUri"] = _file(request.validation_file, request.validation_upload)
        if self.output is None:
            spec["exportLastCheckpointOnly"] = False
        else:
            spec["tuningMode"] = self.mode
        body: dict[str, Any] = {
            "baseModel": request.base.snapshot,
            _SPEC.get(request.method, "supervisedTuningSpec"): spec,
            "labels": {wire.KEY_LABEL: request.key},
        }
        if request.name:
            body["tunedModelDisplayName"] = request.name[:_MAX_NAME]
        if self.output is not None:
            body["outputUri"] = self.output
        return body

    def send(self, sdk: Any) -> Any:
        """Through the SDK's client."""
        from ftkit_google.sdk import types

        kinds, request, given = types(), self.request, self.settings
        config = kinds.CreateTuningJobConfig(
            method=_SDK.get(request.method, "SUPERVISED_FINE_TUNING"),
            epoch_count=given["epochCount"],
            learning_rate_multiplier=given.get("learningRateMultiplier"),
            learning_rate=given.get("learningRate"),
            batch_size=given.get("batchSize"),
            adapter_size=given.get("adapterSize"),
            beta=given.get("beta"),
            tuning_mode=self.mode,
            output_uri=self.output,
            export_last_checkpoint_only=False if self.output is None else None,
            labels={wire.KEY_LABEL: request.key},
            tuned_model_display_name=request.name[:_MAX_NAME] if request.name else None,
            validation_dataset=None
            if request.validation_file is None
            else kinds.TuningValidationDataset(
                gcs_uri=_file(request.validation_file, request.validation_upload)
            ),
        )
        rows = kinds.TuningDataset(gcs_uri=_file(request.train_file, request.train_upload))
        return sdk.tunings.tune(
            base_model=request.base.snapshot, training_dataset=rows, config=config
        )


def asked(request: TrainRequest, output: str | None) -> Asked:
    """A job to be made; `output` is the folder for the weights of an open model."""
    return Asked(request, output)


def rate_use(job: Mapping[str, Any]) -> RateUse:
    """Which price a job is billed at."""
    if isinstance(job.get("preferenceOptimizationSpec"), dict):
        return "train_dpo"
    return "train_full" if wire.spec_of(job).get("tuningMode") == "TUNING_MODE_FULL" else "train"


def left_behind(request: TrainRequest) -> str:
    """What a refused create leaves in the bucket, and the command that deletes it."""
    uploads = [one.id for one in (request.train_upload, request.validation_upload) if one]
    if not uploads:
        return ""
    many = len(set(uploads)) > 1
    return (
        f". Nothing was started; the file{'s' * many} {' and '.join(dict.fromkeys(uploads))} stay{'s' * (not many)} in the "
        f"bucket and would be used again; `ftkit job delete-files {request.key}` deletes {'them' if many else 'it'}"
    )


def _file(path: Path, upload: Upload | None) -> str:
    return f"<address of the uploaded file {path.name}>" if upload is None else upload.id
