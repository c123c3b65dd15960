"""A backend as somebody else would write it: the provider Acme, whose jobs are files in a folder.

A job makes a step each time it is looked at. Everything that is special to the provider is in this folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from ftkit.backend import (
    Backend,
    Base,
    CallRates,
    Event,
    JobStatus,
    ModelRecord,
    Plugin,
    Quantity,
    Remote,
    Resolved,
    TrainRequest,
)
from ftkit.catalogue import load_catalogue
from ftkit.data import KINDS
from ftkit.data.example import Example, as_dicts
from ftkit.data.tokens import Counts
from ftkit.errors import CapabilityError, NotFound, TrainingError
from ftkit.hyperparameters import Hyperparameters, Method
from ftkit.testing.scripted_inference import ScriptedInference, echo
from ftkit.testing.words_renderer import WordRenderer

CATALOGUE = load_catalogue(Path(__file__).parent / "catalogue.toml")
STEPS = 4
FIELDS = ("epochs", "seed")


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Pricing:
    def resolve(
        self, base: Base, method: Method, hyperparameters: Hyperparameters, counts: Counts
    ) -> Resolved:
        if method is not Method.LORA:
            raise CapabilityError(f"acme has no method {method}; it has lora")
        for name in hyperparameters.given():
            if name not in FIELDS:
                raise CapabilityError(f"acme cannot honour {name}; it takes {', '.join(FIELDS)}")
        decided = Hyperparameters(epochs=1, seed=0).overridden_by(hyperparameters)
        return Resolved(base, method, decided, STEPS, counts)

    def bill(self, resolved: Resolved) -> Sequence[Quantity]:
        return [Quantity("training", Decimal(resolved.steps), "step", "step")]

    def call_rates(self, record: ModelRecord) -> CallRates | None:
        return CallRates("token", "token")


class Training:
    wire = "chat-jsonl"
    listing_lag_s = 0.0
    poll_s = 0.01
    idempotent_create = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def base(self, native: str) -> Base:
        facts = CATALOGUE.model(native)
        if facts is None:
            raise NotFound(f"acme has no model {native!r}{CATALOGUE.suggestion(native)}")
        return Base(native, facts.snapshot or native, "acme", facts.max_length)

    def renderer(self, base: Base) -> WordRenderer:
        return WordRenderer(base.max_length)

    def encode(self, example: Example) -> bytes:
        return json.dumps({"messages": as_dicts(example.messages)}, ensure_ascii=False).encode()

    def preview(self, request: TrainRequest) -> Mapping[str, Any]:
        return {"key": request.key, "base": request.base.id, "step": 0, "cancelled": False}

    def submit(self, request: TrainRequest) -> Remote:
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            with (self._folder / f"{request.key}.json").open("x") as file:
                json.dump(dict(self.preview(request)), file)
        except FileExistsError:
            pass  # the same key is the same job
        return self.get(request.key)

    def find(self, key: str) -> list[Remote]:
        return [self.get(key)] if (self._folder / f"{key}.json").exists() else []

    def listing(self) -> Iterator[Remote]:
        files = sorted(self._folder.glob("*.json"), key=lambda file: -file.stat().st_ctime_ns)
        yield from (self.get(file.stem) for file in files)

    def get(self, id: str) -> Remote:
        job = self._read(id)
        step, cancelled = job["step"], job["cancelled"]
        if not cancelled and step < STEPS:
            self._write(id, {**job, "step": step + 1})
        word = "cancelled" if cancelled else "running" if step < STEPS else "succeeded"
        model = f"acme:{id}" if word == "succeeded" else None
        return Remote(
            id, JobStatus(word), word, model, progress=(step, STEPS), key=id, base=job["base"]
        )

    def events(self, id: str, after: int) -> Iterator[Event]:
        for step in range(after + 1, self._read(id)["step"] + 1):
            data = {"step": step, "steps": STEPS}
            yield Event(step, "2026-11-25T00:00:00+00:00", "step", f"step {step}", data)

    def cancel(self, id: str) -> None:
        job = self._read(id)
        self._write(id, {**job, "cancelled": job["step"] < STEPS})

    def result(self, id: str) -> ModelRecord:
        job = self._read(id)
        if job["cancelled"] or job["step"] < STEPS:
            raise TrainingError(f"job {id} has no model")
        return ModelRecord("acme", f"acme:{id}", job["base"], tuned=True, family="acme", job=id)

    def _read(self, id: str) -> dict[str, Any]:
        try:
            return dict(json.loads((self._folder / f"{id}.json").read_text()))
        except FileNotFoundError as error:
            raise NotFound(f"acme has no job {id!r}") from error

    def _write(self, id: str, job: Mapping[str, Any]) -> None:
        fresh = self._folder / f".{id}"
        fresh.write_text(json.dumps(job))
        fresh.replace(self._folder / f"{id}.json")


def _open(settings: Settings, home: Path) -> Backend:
    training = Training(home / "acme")

    def record(native: str) -> ModelRecord:
        if native.startswith("acme:"):
            return training.result(native.removeprefix("acme:"))
        base = training.base(native)
        return replace(ModelRecord("acme", base.id, base.id, family="acme"), snapshot=base.snapshot)

    return Backend(
        name="acme",
        settings=settings,
        catalogue=CATALOGUE,
        scope=lambda: "acme|one account",
        pricing=Pricing(),
        training=training,
        inference=ScriptedInference(record, echo),
        lacks={
            **dict.fromkeys(("qlora", "full", "dpo"), "Acme trains adapters of conversations only"),
            **dict.fromkeys(KINDS, "Acme trains conversations of text only"),
            "upload": "rows are read from this machine",
            "delete_upload": "rows are read from this machine",
            "pause": "Acme's jobs go on until they end",
            "preflight": "Acme says nothing before it is asked",
            "estimate_usd": "Acme prices nothing in advance",
            "checkpoints": "Acme keeps no checkpoints",
            "download": "the weights stay at Acme",
            "resume": "Acme runs the trainer itself",
            "time_limit": "Acme charges nothing for time",
            "history": "Acme's jobs are files on this machine already",
            "hosting": "every model answers without a deployment",
            "batch": "Acme answers one question at a time",
            **dict.fromkeys(("score", "install", "folder"), "the weights stay at Acme"),
            **dict.fromkeys(("tools", "images", "schema"), "Acme answers with text only"),
        },
    )


backend = Plugin("acme", Settings, _open)
