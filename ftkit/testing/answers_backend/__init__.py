"""The backend "fake-answers", for tests: a provider that answers and trains nothing; a catalogue and inference.

It answers in this process, with the question and the model's name. The entry point names `backend`.
"""

from __future__ import annotations

import platform
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from ftkit.backend import Backend, CallRates, ModelRecord, Plugin
from ftkit.catalogue import Catalogue, load_catalogue
from ftkit.errors import NotFound
from ftkit.testing.call_pricing import CallPricing
from ftkit.testing.scripted_inference import ScriptedInference, echo

_LACKS = {
    "training": "this provider trains no models, it only answers",
    "hosting": "every model answers without a deployment",
    "batch": "the provider answers at once or not at all",
    "score": "the provider gives no likelihoods",
    "install": "the weights stay at the provider",
    "folder": "the provider opens no folder of weights",
    "tools": "the stand-in answers with text only",
    "images": "the stand-in answers to text only",
    "schema": "the stand-in answers with text only",
}


class AnswersSettings(BaseModel):
    """Section [providers.NAME] with backend = "fake-answers": it has no settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _open(settings: AnswersSettings, home: Path) -> Backend:
    catalogue = load_catalogue(Path(__file__).parent / "catalogue.toml")
    return Backend(
        name="fake-answers",
        settings=settings,
        catalogue=catalogue,
        scope=lambda: f"fake-answers|{platform.node()}",
        pricing=CallPricing(partial(_rates, catalogue)),
        inference=ScriptedInference(partial(_record, catalogue), echo),
        lacks=_LACKS,
    )


def _record(catalogue: Catalogue, native: str) -> ModelRecord:
    if catalogue.model(native) is None:
        raise NotFound(f"fake-answers has no model {native!r}{catalogue.suggestion(native)}")
    return ModelRecord("fake-answers", native, native, family="fake-answers")


def _rates(catalogue: Catalogue, record: ModelRecord) -> CallRates | None:
    facts = catalogue.model(record.base)
    rates = {} if facts is None else facts.rates
    return CallRates(rates.get("input", "unknown"), rates.get("output", "unknown"))


backend = Plugin("fake-answers", AnswersSettings, _open, listed=False)
