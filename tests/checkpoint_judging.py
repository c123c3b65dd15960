"""What a training run has left on the disk, read by the rules of its folder alone. Imports nothing from ftkit.

RUN/events.jsonl has an event a line, RUN/checkpoints/step-00000012 a manifest of its files, RUN/adapter the result.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.faults.strace_log import Call

TENSORS = ("weights.safetensors", "optimizer.safetensors", "random.safetensors")
_NEEDED = {"weights.safetensors", "optimizer.safetensors", "progress.json"}
_NUMBERS = ("loss", "learning_rate", "grad_norm", "tokens", "epoch")
Event = dict[str, Any]


class Ending:
    """What a run with a result has left."""

    def __init__(self, run: Path) -> None:
        told = events(run)
        self.steps = [event["data"] for event in told if event["type"] == "step"]
        self.ids = [event["id"] for event in told]
        self.status = json.loads((run / "result.json").read_bytes()).get("status")
        adapter = run / "adapter" / "adapter_model.safetensors"
        self.adapter = sha256(adapter) if adapter.exists() else ""
        self.names = {str(path.relative_to(run)) for path in run.rglob("*")}

    @property
    def leftovers(self) -> list[str]:
        """Checkpoints and hidden files: nobody needs them any more."""
        return sorted(name for name in self.names if "step-" in name or "/." in f"/{name}")


def events(run: Path) -> list[Event]:
    """The whole lines."""
    try:
        content = (run / "events.jsonl").read_bytes()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in content[: content.rfind(b"\n") + 1].splitlines()]


def steps_of(told: Sequence[Event], type: str = "step") -> list[int]:
    """The steps that events of one type are about, in their order."""
    return [event["data"]["step"] for event in told if event["type"] == type]


def numbers(step: Mapping[str, Any]) -> dict[str, Any]:
    """What is the same in every attempt at a step: all but times."""
    return {name: step[name] for name in _NUMBERS if name in step}


def checkpoints(run: Path) -> list[tuple[Path, str | None]]:
    """Every folder with the name of a checkpoint, the oldest first, and why it is none."""
    return [(path, broken(path)) for path in sorted((run / "checkpoints").glob("step-*"))]


def broken(folder: Path) -> str | None:
    """Why a folder is no checkpoint."""
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
    except FileNotFoundError:
        return "there is no manifest"
    except ValueError:
        return "the manifest is half a one"
    if f"step-{manifest['step']:08d}" != folder.name:
        return f"the manifest is that of step {manifest['step']}"
    files = {path.name for path in folder.iterdir()} - {"manifest.json"}
    if files != set(manifest["files"]) or not files >= _NEEDED:
        return f"it has the files {sorted(files)}"
    wrong = [name for name, value in manifest["files"].items() if sha256(folder / name) != value]
    return f"{wrong} are other ones" if wrong else None


def not_durable(calls: Sequence[Call], run: Path) -> list[str]:
    """What a power cut could take from a file or folder of the run that has its name, by the order of the calls.

    Before it gets its name, it and what is in it are on the disk; the folder around it is afterwards.
    """
    found = []
    for at, call in enumerate(calls):
        source, _, target = call.where.partition(" -> ")
        if not call.syscall.startswith("rename") or "/." in target.removeprefix(str(run)):
            continue  # what still is hidden is nothing yet
        before = calls[:at]
        inside = [one for one in before if one.where.startswith(source + "/")]
        moved = [one.where.split(" -> ") for one in inside if " -> " in one.where]
        files = {one.where for one in inside if " -> " not in one.where}
        files = (files | {new for _, new in moved}) - {old for old, _ in moved}
        files -= {one.where for one in inside if one.syscall in ("unlink", "unlinkat", "rmdir")}
        late = [name for name in [*sorted(files), source] if not _synced(name, before)]
        if not any(_syncs(one, str(Path(target).parent)) for one in calls[at:]):
            late.append(str(Path(target).parent))
        found += [f"{name} is not on the disk when {target} is" for name in late]
    return found


def sha256(path: Path) -> str:
    """Of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _synced(name: str, calls: Sequence[Call]) -> bool:
    """True where the last thing that happened to a file, or in a folder, is that it went to the disk."""
    for call in reversed(calls):
        if _syncs(call, name):
            return True
        if call.where == name or call.where.endswith(f" -> {name}"):
            return False
        if call.where.startswith(name + "/") and not call.syscall.startswith(("fsync", "fdata")):
            return False
    return False


def _syncs(call: Call, name: str) -> bool:
    return call.syscall in ("fsync", "fdatasync") and call.where == name
