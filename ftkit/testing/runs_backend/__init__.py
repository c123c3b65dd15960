"""The backend "fake-runs", for tests: our own trainer in a process with a run folder, without anything being learned.

The shape is that of training on one's own machine: `submit` starts a process, the folder is the truth, a dead run can
be resumed. It needs no torch and costs nothing. Linux and macOS only: it hands file locks on. The entry point names
`backend`.
"""

from __future__ import annotations

import platform
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from ftkit.backend import Backend, ModelRecord, Plugin
from ftkit.catalogue import Catalogue, load_catalogue
from ftkit.data import KINDS
from ftkit.errors import NotFound, TrainingError
from ftkit.testing.runs_backend.pricing import RunsPricing
from ftkit.testing.runs_backend.training import RunsTraining
from ftkit.testing.scripted_inference import ScriptedInference, echo

FOLDER = "fake-runs"
_LACKS = {
    "qlora": "the stand-in trains nothing, so it has no need for less memory",
    "dpo": "the stand-in takes conversations only",
    **dict.fromkeys(KINDS, "the stand-in takes conversations of text only"),
    "upload": "rows are read from this machine's disk",
    "delete_upload": "rows are read from this machine's disk",
    "pause": "a run of the stand-in is over before a pause is worth it",
    "preflight": "there is no account that could refuse",
    "estimate_usd": "nobody sends a bill for this machine",
    "checkpoints": "nothing is learned that could be kept",
    "download": "nothing is learned that could be copied",
    "history": "the run folders are on this machine's disk already",
    "hosting": "a model answers in this process; there is nothing to deploy",
    "batch": "the stand-in answers at once or not at all",
    "score": "the stand-in has no likelihoods",
    "install": "there are no weights to copy",
    "folder": "there are no weights to open",
    "tools": "the stand-in answers with text only",
    "images": "the stand-in answers to text only",
    "schema": "the stand-in answers with text only",
}


class RunsSettings(BaseModel):
    """Section [providers.NAME] with backend = "fake-runs": seconds of a step, and how many steps every run has."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step_s: float = Field(0.02, ge=0)
    steps: int | None = Field(None, ge=1)


def _open(settings: RunsSettings, home: Path) -> Backend:
    catalogue = load_catalogue(Path(__file__).parent / "catalogue.toml")
    training = RunsTraining(home / FOLDER, catalogue, settings.step_s)
    return Backend(
        name="fake-runs",
        settings=settings,
        catalogue=catalogue,
        scope=lambda: f"fake-runs|{platform.node()}",
        pricing=RunsPricing(settings.steps),
        training=training,
        inference=ScriptedInference(partial(_record, catalogue, training), echo),
        lacks=_LACKS,
    )


def _record(catalogue: Catalogue, training: RunsTraining, native: str) -> ModelRecord:
    """A base, or a run's model by the run's key."""
    if catalogue.model(native) is not None:
        return ModelRecord("fake-runs", native, native, family="fake-runs")
    try:
        return training.result(native)
    except TrainingError as error:
        raise NotFound(str(error)) from error
    except NotFound as error:
        raise NotFound(
            f"fake-runs has no model {native!r}{catalogue.suggestion(native)}"
        ) from error


backend = Plugin("fake-runs", RunsSettings, _open, listed=False)
