"""Jobs on this machine: `submit` prepares a run folder and starts the trainer, everything else reads the folder.

Nothing here waits, and nothing here is needed while a run goes on: the folder tells all to any later process.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from ftkit.backend import (
    Base,
    Event,
    ModelRecord,
    NotSent,
    Refused,
    Remote,
    TrainRequest,
)
from ftkit.catalogue.schema import Catalogue
from ftkit.data.example import Example, as_dicts
from ftkit.data.tokens import Renderer
from ftkit.errors import CapabilityError, NotFound, NotInstalled, StorageError, TrainingError
from ftkit_local.durable import discard_folder, new_folder_beside, publish_folder, write_file
from ftkit_local.launch import start_trainer
from ftkit_local.open_renderer import LocalRenderer, open_renderer
from ftkit_local.pricing import refuse_unsupported
from ftkit_local.runs import PREPARED, RESUMING, RunFolder, run_folder, run_folders
from ftkit_local.starting_point import StartingPoint, find_start, found_again
from ftkit_local.trainer.pairs import encoded_pair
from ftkit_local.trainer.spec import Spec, SpecAdapter, SpecBase, SpecFile, versions
from ftkit_local.tuned_folder import read_record

_DECIDED = (
    "learning_rate",
    "schedule",
    "warmup_ratio",
    "batch_size",
    "train_on",
    "max_length",
    "precision",
)
_RECORD_FIELDS = frozenset(field.name for field in fields(ModelRecord))


class LocalTraining:
    """Training of the local backend; `home` is FTKIT_HOME.

    A run keeps a state to go on from after every `checkpoint_steps` steps, or once a minute where that is None.
    """

    wire = "chat-jsonl"
    listing_lag_s = 0.0
    poll_s = 0.5
    idempotent_create = True

    def __init__(
        self, home: Path, catalogue: Catalogue, checkpoint_steps: int | None = None
    ) -> None:
        self._home = home
        self._catalogue = catalogue
        self._checkpoint_steps = checkpoint_steps

    def base(self, native: str) -> Base:
        """The model named by an alias, hub id, folder, file or run; raises NotFound or NotInstalled saying where to get it."""
        return find_start(native, catalogue=self._catalogue, home=self._home).named

    def renderer(self, base: Base) -> Renderer | None:
        """The base's tokenizer and chat template; CapabilityError where an adapter was trained under another."""
        start = self._find(base)
        adapter = start.adapter
        tuned = None if adapter is None else adapter.folder
        renderer = _renderer(start.base.folder, base.snapshot, tuned)
        if adapter is not None and adapter.template not in (None, renderer.fingerprint):
            raise CapabilityError(
                f"{adapter.id} was trained under another chat template or tokenizer than the one in "
                f"{start.base.folder}; restore that, or train {base.id} anew"
            )
        return renderer

    def encode(self, example: Example) -> bytes:
        """One row: {"messages": [...]}, and {"tools": [...]} where it has tools, in the shape of chat APIs; see pairs.py."""
        if example.rejected:
            return json.dumps(encoded_pair(example), ensure_ascii=False).encode()
        row: dict[str, Any] = {"messages": as_dicts(example.messages)}
        if example.tools:
            row["tools"] = list(example.tools)
        if example.parallel_tool_calls is not None:
            row["parallel_tool_calls"] = example.parallel_tool_calls
        return json.dumps(row, ensure_ascii=False).encode()

    def preview(self, request: TrainRequest) -> Mapping[str, Any]:
        """The run's spec, as `submit` would write it."""
        spec = self._spec(request).model_dump(mode="json")
        return {"start": str(self._home / "runs" / request.key), "spec.json": spec}

    def submit(self, request: TrainRequest) -> Remote:
        """Prepare the run and start it; the same key again starts nothing twice.

        Raises Refused for a request that cannot be run or a folder that cannot be written; then nothing was started.
        """
        run = RunFolder(self._home / "runs" / request.key)
        if not run.exists():
            try:
                _prepare(run, self._spec(request))
            except (CapabilityError, NotInstalled) as error:
                raise Refused("capability", str(error)) from error
            except (StorageError, OSError) as error:
                told = StorageError(f"the run cannot be written to {run.path}: {error}")
                raise NotSent(str(told)) from told
        return self.get(request.key)

    def find(self, key: str) -> list[Remote]:
        """The run with this key, if there is one."""
        try:
            return [run_folder(self._home, key).state()]
        except NotFound:
            return []

    def listing(self) -> Iterator[Remote]:
        """Every run folder, newest first."""
        for run in run_folders(self._home):
            yield run.state()

    def get(self, id: str) -> Remote:
        """The run's state. One that waits for its trainer, because whoever wanted to start it died, is started."""
        run = run_folder(self._home, id)
        state = run.state()
        if state.raw_status in (PREPARED, RESUMING) and not run.alive():
            _start(run)
            state = run.state()
        return state

    def events(self, id: str, after: int) -> Iterator[Event]:
        """Events with an id above `after`, in order."""
        return run_folder(self._home, id).events(after)

    def cancel(self, id: str) -> None:
        """Ask the run to stop before its next step; a finished run stays as it is."""
        run_folder(self._home, id).cancel.touch()

    def pause(self, id: str) -> None:
        """Ask the run to keep a checkpoint behind its present step and to stand still; a finished one stays as it is."""
        run = run_folder(self._home, id)
        if run.outcome() is None:
            run.pause.touch()

    def unpause(self, id: str) -> None:
        """Let a paused run go on behind that checkpoint; one that is not paused stays as it is."""
        run = run_folder(self._home, id)
        if run.pause.exists():
            run.pause.unlink(missing_ok=True)
            self.get(id)

    def resume(self, id: str) -> bool:
        """Start a dead run's trainer again, behind its last checkpoint."""
        run = run_folder(self._home, id)
        return run.died() and not run.cancelled() and _start(run)

    def result(self, id: str) -> ModelRecord:
        """The trained model, with `adapter` as an absolute path; raises TrainingError where there is none."""
        run = run_folder(self._home, id)
        folder = run.published()
        if folder is None:
            state = run.state()
            reason = f": {state.error}" if state.error else ""
            raise TrainingError(f"the run {id} has no model, it is {state.status}{reason}")
        return read_record(folder)

    def _find(self, base: Base) -> StartingPoint:
        return found_again(base, catalogue=self._catalogue, home=self._home)

    def _spec(self, request: TrainRequest) -> Spec:
        refuse_unsupported(request.method, request.hyperparameters)
        settings = request.hyperparameters
        for name in _DECIDED:
            if getattr(settings, name) is None:
                raise CapabilityError(
                    f"{name} is not decided: resolve the settings before submitting"
                )
        if settings.early_stopping_patience is not None and request.validation_file is None:
            raise CapabilityError(
                "early_stopping_patience watches validation rows, and there are none"
            )
        unknown = sorted(set(request.record) - _RECORD_FIELDS)
        if unknown:
            raise CapabilityError(f"a model's record has no field {unknown[0]!r}")
        start = self._find(request.base)
        base, adapter = start.base, start.adapter
        start.settings(request.method, settings)
        return Spec(
            key=request.key,
            base=SpecBase(
                id=base.id,
                snapshot=base.snapshot,
                family=base.family,
                folder=base.folder,
                max_length=base.max_length,
                parameters=base.parameters,
            ),
            continues=None
            if adapter is None
            else SpecAdapter(id=adapter.id, folder=adapter.folder, sha256=adapter.sha256),
            method=request.method,
            hyperparameters=settings,
            steps=request.steps,
            train=_spec_file(request.train_file),
            validation=None
            if request.validation_file is None
            else _spec_file(request.validation_file),
            stop_after_s=request.stop_after_s,
            checkpoint_steps=self._checkpoint_steps,
            record=dict(request.record),
            versions=versions(),
        )


def _start(run: RunFolder) -> bool:
    try:
        return start_trainer(run)
    except OSError as error:
        raise StorageError(f"the trainer cannot be started for {run.path}: {error}") from error


def _spec_file(path: Path) -> SpecFile:
    try:
        with path.open("rb") as file:
            return SpecFile(
                path=path.absolute(), sha256=hashlib.file_digest(file, "sha256").hexdigest()
            )
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}") from error


def _prepare(run: RunFolder, spec: Spec) -> None:
    """Write the folder under a hidden name and rename it: a run is there whole or not at all."""
    run.path.parent.mkdir(parents=True, exist_ok=True)
    hidden = new_folder_beside(run.path)
    try:
        write_file(hidden / "spec.json", spec.model_dump_json(indent=2).encode() + b"\n")
        publish_folder(hidden, run.path)
    except StorageError:
        if not run.exists():  # else somebody prepared the same run at the same time
            raise
    finally:
        discard_folder(hidden)


@lru_cache(maxsize=8)
def _renderer(folder: Path, snapshot: str, tuned: Path | None) -> LocalRenderer:
    """One renderer for each content of a base; `snapshot` is only the key of the cache."""
    return open_renderer(folder, tuned)
