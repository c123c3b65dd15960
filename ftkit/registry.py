"""Which backends there are, and the one that a model string names.

A backend is a Python package with an entry point in the group `ftkit.backends`; a third party adds one by publishing a
package. `local/name` starts with an *instance*: a section [providers.NAME] of the configuration, or a backend's own name.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from pydantic import ValidationError

from ftkit.backend import Backend, Plugin
from ftkit.config import Settings
from ftkit.errors import ConfigError, NotFound
from ftkit.words import nearest

GROUP = "ftkit.backends"


def split_model(model: str) -> tuple[str, str]:
    """`"local/org/name"` -> `("local", "org/name")`."""
    instance, slash, native = model.partition("/")
    if not slash or not instance or not native:
        raise ConfigError(
            f"a model is written provider/name, for example local/smollm2-135m; got {model!r}"
        )
    return instance, native


def open_backend(instance: str, settings: Settings) -> Backend:
    """The backend behind an instance; raises NotFound with the nearest right name."""
    section = dict(settings.providers.get(instance, {}))
    name = section.pop("backend", instance)
    plugins = _entry_points()
    if name not in plugins:
        known = {*plugins, *settings.providers}
        where = f" (named by [providers.{instance}])" if name != instance else ""
        raise NotFound(f"there is no backend {name!r}{where}{nearest(str(name), known)}")
    return _open(name, json.dumps(section, sort_keys=True, default=str), settings.home)


def backend_names() -> tuple[str, ...]:
    """Names of every installed backend."""
    return tuple(sorted(_entry_points()))


@lru_cache(maxsize=32)
def _open(name: str, section: str, home: Path) -> Backend:
    plugin = _load(name)
    try:
        checked = plugin.settings.model_validate(json.loads(section))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        hint = nearest(field, plugin.settings.model_fields)
        raise ConfigError(
            f"[providers] for backend {name!r}: {field}: {first['msg']}{hint}"
        ) from error
    return plugin.open(checked, home)


@lru_cache(maxsize=32)
def _load(name: str) -> Plugin:
    plugin = _entry_points()[name].load()
    if not isinstance(plugin, Plugin):
        raise ConfigError(f"the entry point {name!r} of {GROUP} is not an ftkit.backend.Plugin")
    return plugin


@lru_cache(maxsize=1)
def _entry_points() -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            raise ConfigError(
                f"two packages bring a backend named {point.name!r}: {_package(other)} and {_package(point)}; "
                f"uninstall one"
            )
    return found


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value
