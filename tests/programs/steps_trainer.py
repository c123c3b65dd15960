"""A trainer that only adds numbers up, with the folders and events of the real one: `python -m tests.programs.steps_trainer RUN`.

It is what the sweep of checkpoints is judged with: right, or wrong in one way that its spec names. Imports nothing from ftkit.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

WRONG = {  # and what the judge has to say of it
    "starts again": "went on behind [0]",
    "takes the oldest": "behind the checkpoint 6",
    "no optimizer state": "another adapter",
    "order from the start": "other numbers in the steps",
    "forgets events": "events of before have changed",
    "manifest not verified": "went on behind [3], a whole checkpoint was 0",
    "manifest first": "has a manifest, and it has the files",
    "named before it is written": "the newest, has no manifest",
    "files are not synced": "is not on the disk when",
    "keeps one, removed before the next": "was kept, and the newest whole one is",
    "gives up where the disk fails": "and a result: failed",
    "half a checkpoint stays": "half-written things are left",
    "result first": "other files than else",
    "leaves checkpoints": "left behind the result",
}
ROWS = 10


def main(run: Path) -> int:
    """0 where the run has its result."""
    spec = json.loads((run / "spec.json").read_text())
    if (run / "result.json").exists():
        if spec.get("wrong") != "leaves checkpoints":
            shutil.rmtree(run / "checkpoints", ignore_errors=True)
        return int(json.loads((run / "result.json").read_text())["status"] != "succeeded")
    wrong = spec.get("wrong", "")
    if wrong == "forgets events":
        (run / "events.jsonl").unlink(missing_ok=True)
    journal = Journal(run / "events.jsonl")
    try:
        train(run, spec["steps"], spec["checkpoint_steps"], wrong, journal)
    except OSError as error:
        if wrong == "gives up where the disk fails":
            replace(run / "result.json", json.dumps({"status": "failed", "error": str(error)}))
        elif (run / "result.json").exists():
            return 0
        return 1
    return 0


def train(run: Path, steps: int, every: int, wrong: str, journal: Journal) -> None:
    """All steps behind the last checkpoint."""
    for leftover in run.glob(".*"):
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    shutil.rmtree(run / "adapter", ignore_errors=True)
    folder = run / "checkpoints"
    folder.mkdir(exist_ok=True)
    step, weights, momentum = latest(folder, wrong)
    if journal.continued:
        journal.write("resumed", step=step)
    chance = random.Random(7)
    order = [chance.randrange(ROWS) for _ in range(steps)]
    order = order[: steps - step] if wrong == "order from the start" else order[step:]
    for row in order:
        step += 1
        momentum = (momentum * 31 + row) % 1_000_003
        weights = (weights * 37 + momentum) % 1_000_003
        journal.write("step", step=step, steps=steps, loss=1 / (1 + weights), grad_norm=momentum)
        if step % every == 0 and step < steps:
            try:
                keep(folder, step, weights, momentum, wrong)
            except OSError as error:
                if wrong == "gives up where the disk fails":
                    raise
                journal.write("checkpoint failed", step=step, error=str(error))
            else:
                journal.write("checkpoint", step=step)
    if wrong == "result first":
        replace(run / "result.json", json.dumps({"status": "succeeded"}))
    hidden = Path(tempfile.mkdtemp(prefix=".adapter.", dir=run))
    try:
        write(hidden / "adapter_model.safetensors", f"{weights}")
        sync(hidden)
        hidden.rename(run / "adapter")
        sync(run)
    except OSError:
        shutil.rmtree(hidden)
        raise
    if wrong != "result first":
        replace(run / "result.json", json.dumps({"status": "succeeded"}))
    if wrong != "leaves checkpoints":
        shutil.rmtree(folder, ignore_errors=True)


def keep(folder: Path, step: int, weights: int, momentum: int, wrong: str) -> None:
    """Write a checkpoint, and remove all but two."""
    contents = {
        "weights.safetensors": f"{weights}",
        "optimizer.safetensors": f"{momentum}",
        "progress.json": json.dumps({"step": step}),
    }
    files = {
        name: hashlib.sha256(content.encode()).hexdigest() for name, content in contents.items()
    }
    manifest = json.dumps({"format": 1, "step": step, "of": {}, "files": files})
    final = folder / f"step-{step:08d}"
    if wrong == "keeps one, removed before the next":
        for path in folder.glob("step-*"):
            shutil.rmtree(path)
    if wrong in ("named before it is written", "manifest first", "manifest not verified"):
        shutil.rmtree(final, ignore_errors=True)
        final.mkdir()
        hidden = final
    else:
        hidden = Path(tempfile.mkdtemp(prefix=f".{final.name}.", dir=folder))
    try:
        if wrong in ("manifest first", "manifest not verified"):
            write(hidden / "manifest.json", manifest)
        for name, content in contents.items():
            write(hidden / name, content, wrong)
        if not (hidden / "manifest.json").exists():
            write(hidden / "manifest.json", manifest)
        if hidden != final:
            sync(hidden)
            hidden.rename(final)
            sync(folder)
    except OSError:
        if wrong != "half a checkpoint stays":
            shutil.rmtree(hidden, ignore_errors=True)
        raise
    for path in sorted(folder.glob("step-*"))[:-2]:
        (path / "manifest.json").unlink(missing_ok=True)
        shutil.rmtree(path)


def latest(folder: Path, wrong: str) -> tuple[int, int, int]:
    """The step, weights and momentum to go on from."""
    for leftover in folder.glob(".step-*"):
        shutil.rmtree(leftover)
    for path in sorted(folder.glob("step-*"), reverse=wrong != "takes the oldest"):
        if wrong == "starts again":
            break
        if not whole(path) and wrong != "manifest not verified":
            shutil.rmtree(path)
            continue
        step = int(path.name.removeprefix("step-"))
        weights, momentum = (
            int(file.read_text() or 0) if file.exists() else 0
            for file in (path / "weights.safetensors", path / "optimizer.safetensors")
        )
        return step, weights, 0 if wrong == "no optimizer state" else momentum
    return 0, 1, 0


def whole(path: Path) -> bool:
    """True where every file has the hash that the manifest has."""
    try:
        files: dict[str, str] = json.loads((path / "manifest.json").read_text())["files"]
        return all(
            hashlib.sha256((path / name).read_bytes()).hexdigest() == sha256
            for name, sha256 in files.items()
        )
    except (OSError, ValueError):
        return False


def write(path: Path, content: str, wrong: str = "") -> None:
    """A file, in two writes, on the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        half = len(content) // 2
        for part in (content[:half], content[half:]):
            os.write(descriptor, part.encode())
        if wrong != "files are not synced":
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync(folder: Path) -> None:
    """Names in it survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(path: Path, content: str) -> None:
    """The old file or the new one."""
    hidden = path.with_name(f".{path.name}")
    try:
        write(hidden, content)
        hidden.replace(path)
        sync(path.parent)
    except OSError:
        hidden.unlink(missing_ok=True)
        raise


class Journal:
    """`events.jsonl`; half a line that a killed run left is cut off."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        content = os.pread(self._file, 1 << 20, 0)
        os.ftruncate(self._file, content.rfind(b"\n") + 1)
        self._id = content.count(b"\n")
        self.continued = self._id > 0

    def write(self, type: str, **data: Any) -> None:
        """One event, on the disk."""
        self._id += 1
        line = json.dumps({"id": self._id, "type": type, "message": type, "data": data}) + "\n"
        os.write(self._file, line.encode())
        os.fsync(self._file)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
