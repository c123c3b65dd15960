"""The names that one tier has in three places: the catalogue, a create and a deployment; and what a deployment is made of.

`standard-swedencentral` and its like are `standard` at another price.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ftkit.catalogue import ModelFacts
from ftkit.errors import CapabilityError
from ftkit_azure.wire import is_tuned

DEVELOPER = "developer"
# Microsoft writes them in more than one way; these are those of its guide to supervised tuning. Its pages name none for
# the US data zone, though they price it: there the deployment's word is taken, and a refusal would cost nothing.
_TRAINING = {
    "global": "GlobalStandard",
    "datazone": "DataZoneStandard",
    "standard": "Standard",
    DEVELOPER: "Developer",
}
_SKU = {
    "global": "GlobalStandard",
    "datazone": "DataZoneStandard",
    "standard": "Standard",
    DEVELOPER: "DeveloperTier",
}
# `model.format` of the control plane: case counts, and a wrong one is HTTP 500
_FORMATS = (
    ("gpt-oss", "Microsoft"),
    ("gpt-", "OpenAI"),
    ("o4-", "OpenAI"),
    ("Llama", "Meta"),
    ("Ministral", "Mistral AI"),
    ("Qwen", "Alibaba"),
)
_DATED = re.compile(r"(.+)-(\d{4}-\d{2}-\d{2})")


def training_type(tier: str | None) -> str:
    """What a create has to say: left out, Azure answers that the base cannot be tuned."""
    return _TRAINING[_kind(tier)]


def sku(tier: str | None) -> str:
    """The name of a deployment's SKU."""
    return _SKU[_kind(tier)]


def tier_of(sku_name: str) -> str | None:
    """The tier of a deployment by its SKU; None for one that is charged in another way, such as reserved capacity."""
    return next((tier for tier, name in _SKU.items() if name.lower() == sku_name.lower()), None)


def deployment_tier(asked: str | None, trained: str | None, facts: ModelFacts | None) -> str | None:
    """The tier that a model is deployed in, by the catalogue's name: that of its training where none is asked for.

    A developer deployment lasts a day, so it is never chosen for anybody. None for a model without tiers.
    """
    known = () if facts is None else tuple(facts.tiers)
    chosen = asked or (None if trained == DEVELOPER else trained)
    return chosen or next(iter(known), None)


def model_of(native: str, base: str) -> Mapping[str, Any]:
    """`properties.model` of a deployment; CapabilityError for a base whose publisher is not known."""
    format = next((named for start, named in _FORMATS if base.startswith(start)), None)
    if format is None:
        raise CapabilityError(
            f"azure cannot deploy {native}: under which format Azure lists {base} is not known"
        )
    dated = None if is_tuned(native) else _DATED.fullmatch(native)
    if dated is None:
        return {"format": format, "name": native, "version": "1"}
    return {"format": format, "name": dated[1], "version": dated[2]}


def native_of(model: Mapping[str, Any]) -> str:
    """The model's id of a deployment's `properties.model`."""
    name, version = str(model.get("name") or ""), str(model.get("version") or "")
    dated = _DATED.fullmatch(f"{name}-{version}")
    return name if dated is None or is_tuned(name) else f"{name}-{version}"


def _kind(tier: str | None) -> str:
    kind = (tier or "global").partition("-")[0]
    return kind if kind in _TRAINING else "global"
