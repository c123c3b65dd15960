"""A backend of prices alone: its models are quoted and compared; submitting, answering and hosting are refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from ftkit.backend import Backend, Plugin
from ftkit.catalogue import load_catalogue
from ftkit.tariffs.gpu_time import GpuTariff
from ftkit.tariffs.tokens import TokenTariff

_PARTS = ("training", "hosting", "inference")


class PricedSettings(BaseModel):
    """Section [providers.NAME]. `tier`: which of a model's tiers is quoted; the first one of the catalogue otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tier: str | None = None


def priced_only(
    name: str, title: str, folder: Path, lacks: Mapping[str, str] | None = None
) -> Plugin:
    """The Plugin of a folder that holds a `catalogue.toml` and no code; `title` is the provider's name in sentences."""

    def open(settings: PricedSettings, home: Path) -> Backend:
        catalogue = load_catalogue(folder / "catalogue.toml")
        missing = f"ftkit cannot submit to {title} yet; its prices are quoted and compared"
        return Backend(
            name=name,
            settings=settings,
            catalogue=catalogue,
            scope=lambda: name,
            pricing=GpuTariff(name, catalogue)
            if catalogue.gpus
            else TokenTariff(name, catalogue, settings.tier),
            lacks={**dict.fromkeys(_PARTS, missing), **(lacks or {})},
        )

    return Plugin(name, PricedSettings, open)
