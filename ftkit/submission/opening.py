"""`ftkit.model(x)`: a saved file, a name, `instance/id`, or a path, in this order; two hits are an error.

Where backends are replaced for a test, everything but a file is taken as it is named: what this machine's ledger and
disk hold must not change what a test sees.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ftkit.backend import ModelRecord
from ftkit.config import Settings
from ftkit.errors import ConfigError, NotFound
from ftkit.ledger import Ledger
from ftkit.models import Model
from ftkit.models.saving import read_model
from ftkit.patience import patiently
from ftkit.registry import backend_names, is_backend, open_backend, replacement
from ftkit.submission.job import Job
from ftkit.words import nearest


def open_model(what: str | Path, settings: Settings) -> Model:
    """The handle; raises NotFound saying what was looked for."""
    text = str(what)
    path = Path(text).expanduser()
    hits: list[tuple[str, ModelRecord]] = []
    if path.is_file() and path.suffix == ".json":
        hits.append((f"the file {path}", read_model(path)))
    if replacement() is not None:
        return Model(hits[0][1] if hits else _named(text, settings), settings)
    ledger = Ledger(settings.home)
    row = ledger.find(text) if isinstance(what, str) else None
    if row is not None:
        hits.append((f"the job {row.id}", Job(row.id, settings).record()))
    instance, slash, native = text.partition("/")
    if slash and native and (is_backend(instance) or instance in settings.providers):
        hits.append((f"the model {text}", _native(instance, native, settings)))
    elif path.is_dir():
        hits.append((f"the folder {path}", _folder(path, settings)))
    if len(hits) > 1:
        raise ConfigError(
            f"{text!r} means {' and '.join(place for place, _ in hits)}; rename one, or give the model's id"
        )
    if not hits:
        known = [*(name for name, _ in ledger.named()), *(row.id for row in ledger.jobs())]
        raise NotFound(
            f"there is no model {text!r}: no saved file, job name, provider/id or folder of that name"
            + (
                nearest(text, known)
                if known
                else "; models start with a provider, as in local/smollm2-135m"
            )
        )
    return Model(hits[0][1], settings)


def _native(instance: str, native: str, settings: Settings) -> ModelRecord:
    backend = open_backend(instance, settings)
    inference = backend.inference
    if inference is None:
        raise backend.refuse("inference")
    return replace(patiently(instance, lambda: inference.record(native)), instance=instance)


def _named(text: str, settings: Settings) -> ModelRecord:
    """For tests: `instance/id` as it stands; a name or a folder is a tuned model of an instance "replaced"."""
    instance, slash, native = text.partition("/")
    if slash and instance.strip(".~") and native:
        return _native(instance, native, settings)
    return replace(_native("replaced", text, settings), tuned=True, base=f"base-of-{text}")


def _folder(path: Path, settings: Settings) -> ModelRecord:
    """A folder with weights: the first backend that can answer from a folder takes it."""
    for name in backend_names():
        backend = open_backend(name, settings)
        if backend.inference is not None and "folder" not in backend.lacks:
            return backend.inference.record(str(path.absolute()))
    raise NotFound(f"no installed backend opens a folder of weights such as {path}")
