"""Jobs of the stand-in: `submit` prepares a run folder and starts a process, everything else reads the folder."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from ftkit.backend import (
    Base,
    Event,
    JobStatus,
    ModelRecord,
    NotSent,
    OutcomeUnknown,
    Refused,
    Remote,
    TrainRequest,
)
from ftkit.catalogue import Catalogue
from ftkit.data.example import Example, as_dicts
from ftkit.errors import NotFound, TrainingError
from ftkit.testing.runs_backend.pricing import DEFAULTS
from ftkit.testing.runs_backend.run_folder import RunFolder, run_folder, run_folders
from ftkit.testing.words_renderer import WordRenderer

_RECORD_FIELDS = frozenset(field.name for field in fields(ModelRecord))


class RunsTraining:
    """Training of the stand-in. `folder` holds the runs, a step takes `step_s` seconds."""

    wire = "chat-jsonl"
    listing_lag_s = 0.0
    idempotent_create = True

    def __init__(self, folder: Path, catalogue: Catalogue, step_s: float) -> None:
        self.poll_s = max(0.01, step_s)
        self._folder = folder
        self._catalogue = catalogue
        self._step_s = step_s

    def base(self, native: str) -> Base:
        """A model of the catalogue."""
        facts = self._catalogue.model(native)
        if facts is None:
            raise NotFound(f"fake-runs has no model {native!r}{self._catalogue.suggestion(native)}")
        return Base(native, facts.snapshot or native, "fake-runs", facts.max_length)

    def renderer(self, base: Base) -> WordRenderer:
        """Words as tokens."""
        return WordRenderer(base.max_length)

    def encode(self, example: Example) -> bytes:
        """One row: {"messages": [{"role", "content"}, ...]}."""
        return json.dumps({"messages": as_dicts(example.messages)}, ensure_ascii=False).encode()

    def preview(self, request: TrainRequest) -> Mapping[str, Any]:
        """The run's folder and spec, as `submit` would write them."""
        return {"start": str(self._folder / request.key), "spec.json": _spec(request)}

    def submit(self, request: TrainRequest) -> Remote:
        """Prepare the run and start it; the same key again starts nothing twice."""
        for name in DEFAULTS:
            if getattr(request.hyperparameters, name) is None:
                raise Refused("not_decided", f"{name} is not decided: resolve the settings first")
        run = RunFolder(self._folder / request.key)
        if not run.exists():
            try:
                run.prepare(_spec(request))
            except OSError as error:
                raise NotSent(f"the run cannot be written to {run.path}: {error}") from error
        return self.get(request.key)

    def find(self, key: str) -> list[Remote]:
        """The run with this key, if there is one."""
        try:
            return [run_folder(self._folder, key).state()]
        except NotFound:
            return []

    def listing(self) -> Iterator[Remote]:
        """Every run, newest first."""
        for run in run_folders(self._folder):
            yield run.state()

    def get(self, id: str) -> Remote:
        """The run's state. One that was prepared and never started, because its submitter died, is started."""
        run = run_folder(self._folder, id)
        state = run.state()
        if state.status is not JobStatus.QUEUED or run.alive() or run.begun():
            return state
        try:
            run.start(self._step_s)
        except (OSError, subprocess.SubprocessError) as error:
            raise OutcomeUnknown(
                f"the trainer of {run.path} may not have been started: {error}"
            ) from error
        return run.state()

    def events(self, id: str, after: int) -> Iterator[Event]:
        """Events with an id above `after`, in order."""
        for event in run_folder(self._folder, id).events():
            if event.id > after:
                yield event

    def cancel(self, id: str) -> None:
        """Ask the run to stop before its next step; a run that is over stays as it is."""
        run_folder(self._folder, id).ask_to_stop()

    def result(self, id: str) -> ModelRecord:
        """The record that was sent with the job; raises TrainingError where the run has no model."""
        run = run_folder(self._folder, id)
        state = run.state()
        if state.status is not JobStatus.SUCCEEDED:
            raise TrainingError(f"the run {id} has no model, it is {state.raw_status}")
        spec = run.spec()
        return ModelRecord(
            **{
                **spec["record"],
                "instance": "fake-runs",
                "native": id,
                "base": spec["base"],
                "family": "fake-runs",
                "tuned": True,
                "job": id,
            }
        )

    def resume(self, id: str) -> bool:
        """Start a dead run's trainer again; it goes on behind the last whole step."""
        run = run_folder(self._folder, id)
        return run.state().status is JobStatus.FAILED and run.start(self._step_s)


def _spec(request: TrainRequest) -> dict[str, Any]:
    validation = request.validation_file
    return {
        "key": request.key,
        "base": request.base.id,
        "snapshot": request.base.snapshot,
        "method": str(request.method),
        "hyperparameters": request.hyperparameters.given(),
        "steps": request.steps,
        "stop_after_s": request.stop_after_s,
        "train": str(request.train_file),
        "validation": None if validation is None else str(validation),
        "record": {name: request.record[name] for name in request.record if name in _RECORD_FIELDS},
    }
