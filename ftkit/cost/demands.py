"""What a user must have of a provider: where it trains, and whether the weights can be taken home."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from ftkit.catalogue import ModelFacts
from ftkit.errors import ConfigError
from ftkit.words import nearest

_FILE = Path(__file__).with_name("regions.toml")
_KNOWN = ("region", "weights")


def checked(must: Mapping[str, str]) -> dict[str, str]:
    """The demands as they are; raises ConfigError for one that does not exist."""
    for name, value in must.items():
        if name not in _KNOWN:
            raise ConfigError(
                f"must= knows {' and '.join(_KNOWN)}, not {name!r}{nearest(name, _KNOWN)}"
            )
        if name == "weights" and value != "downloadable":
            raise ConfigError(f"must={{'weights': ...}} takes 'downloadable', not {value!r}")
    return dict(must)


def unmet(facts: ModelFacts, must: Mapping[str, str]) -> str | None:
    """Which demand it does not meet, in words; None where it meets all."""
    region = must.get("region")
    if region is not None and not _lies_in(facts.regions or (), region):
        where = (
            "its regions are not known"
            if facts.regions is None
            else f"it is in {', '.join(facts.regions)}"
        )
        return f"not in the region {region}: {where}"
    if "weights" in must and facts.weights_leave is not True:
        return (
            "its weights cannot be downloaded"
            if facts.weights_leave is False
            else "whether its weights can be downloaded is not known"
        )
    return None


def _lies_in(regions: tuple[str, ...], wanted: str) -> bool:
    patterns = _places().get(wanted, (wanted,))
    return any(fnmatchcase(region, pattern) for region in regions for pattern in patterns)


@cache
def _places() -> dict[str, tuple[str, ...]]:
    return {
        name: tuple(patterns) for name, patterns in tomllib.loads(_FILE.read_text("utf-8")).items()
    }
