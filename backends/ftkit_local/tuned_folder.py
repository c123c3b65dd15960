"""The folder of a trained model: the record that lies in it, the hashes of its files, and copying it elsewhere.

`ftkit.json` holds {"format": 1, "record": {...}, "files": {name: sha256}}; a copy always lists its files.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ftkit.backend import ModelRecord
from ftkit.errors import CapabilityError, NotFound, StorageError
from ftkit_local.durable import discard_folder, new_folder_beside, publish_folder

NAME = "ftkit.json"
FORMAT = 1


def read_record(folder: Path) -> ModelRecord:
    """The record in a trained model's folder, with `adapter` set to where the folder lies now.

    Raises NotFound where there is none, StorageError where it cannot be understood.
    """
    fields = _read(folder).get("record")
    if not isinstance(fields, dict):
        raise StorageError(f"{folder / NAME} has no field 'record': train or copy the model again")
    try:
        record = ModelRecord(**fields)
    except TypeError as error:
        raise StorageError(f"{folder / NAME}, field 'record': {error}") from error
    return replace(record, adapter=str(folder.resolve()))


def verify_files(folder: Path) -> None:
    """Raise StorageError naming the first file whose content is not what was written.

    A folder without `ftkit.json`, or whose file lists nothing, has nothing to compare with.
    """
    if not (folder / NAME).exists():
        return
    for name, expected in _read(folder).get("files", {}).items():
        path = folder / name
        if not path.is_file():
            raise StorageError(f"{path} is missing: copy the whole folder again")
        if (found := _sha256(path)) != expected:
            raise StorageError(
                f"{path} is damaged or was changed: SHA-256 {found}, written as {expected}"
            )


def copy_tuned(record: ModelRecord, folder: Path) -> ModelRecord:
    """Copy the model's own files to `folder` in one step, with hashes; the returned record points there.

    A trained model that is already there is replaced, anything else is left alone: StorageError.
    Raises CapabilityError for a plain base, which is found by its id and needs no copy.
    """
    if record.adapter is None:
        raise CapabilityError(
            f"{record.id} is a base without weights of its own to copy: its id finds it"
        )
    source = Path(record.adapter)
    description = _read(source)
    verify_files(source)
    if source.resolve() == folder.resolve():
        return record
    if folder.exists() and not (folder / NAME).is_file():
        raise StorageError(f"{folder} exists and is no model of ftkit: choose another place")
    old = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.old")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = new_folder_beside(folder)
        try:
            _fill(fresh, source, description, record)
            if folder.exists():
                folder.rename(old)
            publish_folder(fresh, folder)
        finally:
            discard_folder(fresh)
            if old.exists() and not folder.exists():
                old.rename(folder)
            discard_folder(old)
    except OSError as error:
        raise StorageError(f"the model cannot be copied to {folder}: {error}") from error
    return replace(record, adapter=str(folder.resolve()))


def _fill(fresh: Path, source: Path, description: dict[str, Any], record: ModelRecord) -> None:
    fresh.chmod(0o777 & ~_umask())  # temporary folders are private, a model is a file like others
    hashes = {}
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source).as_posix()
        if path.is_file() and name != NAME:
            (fresh / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, fresh / name)
            hashes[name] = _sha256(fresh / name)
    # "." stays true wherever the folder goes
    content = description | {"record": asdict(replace(record, adapter=".")), "files": hashes}
    (fresh / NAME).write_text(json.dumps(content, indent=2, ensure_ascii=False), encoding="utf-8")


def _read(folder: Path) -> dict[str, Any]:
    path = folder / NAME
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFound(f"{path} is not there: {folder} is no trained model of ftkit") from error
    except (OSError, ValueError) as error:
        raise StorageError(f"{path} cannot be read: {error}") from error
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise StorageError(f"{path} is not of format {FORMAT}: a newer ftkit may read it")
    return value


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
