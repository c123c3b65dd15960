"""A model as a file that can be committed: the record, with weights that are at hand in a folder beside it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from ftkit.backend import Inference, Installs, ModelRecord
from ftkit.errors import DataError, NotFound, StorageError
from ftkit.models.record import from_dict, to_dict
from ftkit.whole_files import whole_files

FORMAT = 1


def save_model(inference: Inference, record: ModelRecord, path: Path) -> Path:
    """Write `path`, and `NAME.adapter/` beside it where the weights are local. Returns `path`."""
    values: dict[str, Any] = {"ftkit_model": FORMAT}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if record.adapter is not None and isinstance(inference, Installs):
            folder = path.with_suffix(".adapter")
            inference.install(record, folder)
            record = replace(record, adapter=folder.name)
            values["adapter_sha256"] = folder_hash(folder)
        values["record"] = to_dict(record)
        text = json.dumps(values, indent=2, ensure_ascii=False) + "\n"
        with whole_files([path], force=True) as (file,):
            file.write(text.encode("utf-8"))
    except OSError as error:
        raise StorageError(f"cannot save the model to {path}: {error.strerror}") from error
    return path


def read_model(path: Path) -> ModelRecord:
    """The record in a saved file; the weights beside it are checked against their hash."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as a saved model: {error}") from error
    if not isinstance(values, dict) or values.get("ftkit_model") != FORMAT:
        raise DataError(
            f"{path} is not a model saved by this version of ftkit (Model.save writes one)"
        )
    record = from_dict(values["record"])
    if record.adapter is None:
        return record
    folder = path.parent / record.adapter
    if not folder.is_dir():
        raise NotFound(f"{path} needs the folder {folder} beside it; copy both together")
    if folder_hash(folder) != values.get("adapter_sha256"):
        raise DataError(
            f"{folder} is not the folder that was saved with {path}: its content differs"
        )
    return replace(record, adapter=str(folder.absolute()))


def folder_hash(folder: Path) -> str:
    """SHA-256 over the names and contents of the files in a folder."""
    total = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        total.update(str(file.relative_to(folder)).encode() + b"\0")
        with open(file, "rb") as content:
            total.update(hashlib.file_digest(content, "sha256").digest())
    return total.hexdigest()
