"""States of a run that a later trainer goes on from: written whole or not at all, and read only where every byte is right.

A checkpoint is a folder `checkpoints/step-00000012`. Its manifest, written last, has the hash of each file and what the run is
made of; the folder gets its name when all of it is on disk. Tensors are safetensors, the rest is JSON: nothing that is
read here can run code.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ftkit import clock
from ftkit.errors import TrainingError
from ftkit_local.durable import discard_folder, new_folder_beside, publish_folder, write_file

FOLDER = "checkpoints"
MANIFEST = "manifest.json"
_BEST = "best.safetensors"
_FORMAT = 1
_NAME = re.compile(r"step-(\d{8,})")
_KEPT = 2
_EVERY_S = 60.0
_COST = 20  # a checkpoint takes at most a twentieth of the time


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come: what no tensor holds. Losses are for each unit of weight, `seconds` those of all attempts.

    `token_budget` is that of the steps so far: with another split into micro-batches the last bits would differ. The best
    validation was behind `best_step`, and `waited` validations since then were no better.
    """

    step: int = 0
    token_budget: int = 0
    first_loss: float = 0.0
    last_loss: float = 0.0
    best_step: int | None = None
    best_loss: float | None = None
    waited: int = 0
    tokens: int = 0
    trained_tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A verified one, to go on from."""

    folder: Path
    progress: Progress

    def restore(self, model: Any, optimizer: Any) -> None:
        """Put the trained weights, the optimizer's state and the random numbers back as they were."""
        import torch
        from safetensors.torch import load_file

        named = _trained(model)
        weights = load_file(self.folder / "weights.safetensors")
        if weights.keys() != named.keys():
            raise TrainingError(f"{self.folder} has other weights than this run trains")
        with torch.no_grad():
            for name, parameter in named.items():
                parameter.copy_(weights[name])
        states = load_file(self.folder / "optimizer.safetensors")
        state: dict[int, dict[str, Any]] = {}
        for index, name in enumerate(named):
            prefix = f"{name}/"
            state[index] = {
                key.removeprefix(prefix): value
                for key, value in states.items()
                if key.startswith(prefix)
            }
        optimizer.load_state_dict(
            {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
        )
        random = load_file(self.folder / "random.safetensors")
        torch.set_rng_state(random["cpu"])
        if "cuda" in random:
            torch.cuda.set_rng_state(random["cuda"])

    def best(self) -> dict[str, Any]:
        """The weights of the best validation so far; empty where there was none."""
        from safetensors.torch import load_file

        path = self.folder / _BEST
        return load_file(path) if path.is_file() else {}


class Checkpoints:
    """Those of one run. `of` is what the run is made of: nothing else may go on from them.

    One is due after every `every_steps` steps, or, where that is None, once a minute of training has passed and writing it
    takes a small share of that time.
    """

    def __init__(self, run: Path, of: Mapping[str, Any], every_steps: int | None = None) -> None:
        self.folder = run / FOLDER
        self._of = dict(of)
        self._every_steps = every_steps
        self._last = clock.monotonic()
        self._took = 0.0

    def latest(self) -> Checkpoint | None:
        """The newest one that is whole; what is not is removed.

        Raises TrainingError where it is of another run, OSError where one cannot be read and none is older.
        """
        for path in self._hidden():
            discard_folder(path)
        unread: OSError | None = None
        for path in reversed(self._named()):
            try:
                manifest = _verified(path)
            except OSError as error:  # the disk is at fault, and may give it back another time
                unread = error
                continue
            if manifest is None:
                _remove(path)
                continue
            self._require_same(path, manifest["of"])
            values = json.loads((path / "progress.json").read_bytes())
            return Checkpoint(path, Progress(**values))
        if unread is not None:
            raise unread
        return None

    def due(self, step: int) -> bool:
        """True where one has to be written after this step."""
        if self._every_steps is not None:
            return step % self._every_steps == 0
        return clock.monotonic() - self._last >= max(_EVERY_S, _COST * self._took)

    def save(
        self,
        model: Any,
        optimizer: Any,
        progress: Progress,
        best: Mapping[str, Any] | None = None,
    ) -> Path:
        """Write one, with the weights of the best validation.

        Raises OSError where the disk does not take it, and then the ones before are as they were.
        """
        began = clock.monotonic()
        self.folder.mkdir(exist_ok=True)
        final = self.folder / f"step-{progress.step:08d}"
        if final.exists():
            return final  # the run went on from it, or has just kept it
        hidden = new_folder_beside(final)
        try:
            _write(hidden, model, optimizer, progress, best or {})
            files = {path.name: _sha256(path) for path in sorted(hidden.iterdir())}
            manifest = {"format": _FORMAT, "step": progress.step, "of": self._of, "files": files}
            write_file(hidden / MANIFEST, json.dumps(manifest, indent=2).encode())
            publish_folder(hidden, final)
        except BaseException:
            with suppress(OSError):
                discard_folder(hidden)
            raise
        for path in self._named()[:-_KEPT]:
            _remove(path)
        self._last = clock.monotonic()
        self._took = self._last - began
        return final

    def clear(self) -> None:
        """Remove all: the run has its result."""
        discard_folder(self.folder)

    def _named(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        found = [path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)]
        return sorted(found, key=lambda path: int(path.name.removeprefix("step-")))

    def _hidden(self) -> list[Path]:
        return list(self.folder.glob(".step-*")) if self.folder.is_dir() else []

    def _require_same(self, path: Path, of: Mapping[str, Any]) -> None:
        differs = [name for name in sorted({*of, *self._of}) if of.get(name) != self._of.get(name)]
        if differs:
            told = "; ".join(
                f"{name} was {of.get(name)}, is {self._of.get(name)}" for name in differs
            )
            raise TrainingError(
                f"the run cannot go on from {path.name}, which was made with something else: {told}. "
                "Submit it as a new run"
            )


def _write(
    folder: Path, model: Any, optimizer: Any, progress: Progress, best: Mapping[str, Any]
) -> None:
    import torch
    from safetensors.torch import save_file

    named = _trained(model)
    weights = {name: parameter.detach().contiguous() for name, parameter in named.items()}
    states = {
        f"{name}/{key}": value.contiguous()
        for name, parameter in named.items()
        for key, value in optimizer.state.get(parameter, {}).items()
    }
    random = {"cpu": torch.get_rng_state()}
    if next(iter(named.values())).device.type == "cuda":
        random["cuda"] = torch.cuda.get_rng_state()
    save_file(weights, folder / "weights.safetensors")
    if best:
        save_file(dict(best), folder / _BEST)
    save_file(states, folder / "optimizer.safetensors")
    save_file(random, folder / "random.safetensors")
    (folder / "progress.json").write_text(json.dumps(asdict(progress)) + "\n", encoding="utf-8")


def _trained(model: Any) -> dict[str, Any]:
    """In the order of the model's parameters, which is that of the optimizer."""
    return {name: one for name, one in model.named_parameters() if one.requires_grad}


def _verified(path: Path) -> Mapping[str, Any] | None:
    """The manifest of a folder whose every file has the hash that stands there; None for anything else."""
    try:
        manifest = json.loads((path / MANIFEST).read_bytes())
        files = manifest["files"]
        whole = manifest["format"] == _FORMAT and all(
            _sha256(path / name) == sha256 for name, sha256 in files.items()
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return manifest if whole and "of" in manifest else None


def _remove(path: Path) -> None:
    """The manifest goes first, so that a removal that was cut short leaves no checkpoint."""
    with suppress(OSError):
        (path / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
