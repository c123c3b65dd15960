"""What a run is told: `spec.json`, complete, so that the trainer decides nothing on its own."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ftkit.errors import ConfigError, NotFound
from ftkit.hyperparameters import Hyperparameters, Method

SPEC_VERSION = "1.0"


class SpecBase(BaseModel):
    """The base model: `id` as the user named it, `snapshot` of its content, `folder` where it lies here."""

    model_config = ConfigDict(frozen=True)

    id: str
    snapshot: str
    family: str
    folder: Path
    max_length: int | None
    parameters: int


class SpecAdapter(BaseModel):
    """The adapter of an earlier run that training goes on from, and the SHA-256 of its weights."""

    model_config = ConfigDict(frozen=True)

    id: str
    folder: Path
    sha256: str


class SpecFile(BaseModel):
    """A file of wire rows, and the SHA-256 it had when the run was prepared."""

    model_config = ConfigDict(frozen=True)

    path: Path
    sha256: str


class Spec(BaseModel):
    """One run. Fields that a later 1.x adds are ignored; another major version is refused."""

    model_config = ConfigDict(frozen=True)

    spec_version: str = SPEC_VERSION
    key: str
    base: SpecBase
    continues: SpecAdapter | None = None
    method: Method
    hyperparameters: Hyperparameters
    steps: int
    train: SpecFile
    validation: SpecFile | None = None
    stop_after_s: float | None = None
    checkpoint_steps: int | None = None
    record: Mapping[str, Any] = {}
    versions: Mapping[str, str] = {}


def read_spec(path: Path) -> Spec:
    """Read and check a spec; raises NotFound, or ConfigError naming the field."""
    try:
        spec = Spec.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise NotFound(f"there is no {path}: give the folder of a prepared run") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{path}: {field}: {first['msg']}") from error
    if spec.spec_version.partition(".")[0] != SPEC_VERSION.partition(".")[0]:
        raise ConfigError(
            f"{path}: spec_version {spec.spec_version} is not understood by this trainer, which reads "
            f"{SPEC_VERSION.partition('.')[0]}.x; use the ftkit that prepared the run"
        )
    return spec


def versions() -> dict[str, str]:
    """Versions that a result depends on; packages that are not installed are left out."""
    found = {"python": platform.python_version()}
    for package in (
        "ftkit",
        "torch",
        "transformers",
        "peft",
        "bitsandbytes",
        "tokenizers",
        "safetensors",
    ):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
