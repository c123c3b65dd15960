"""Which backends there are, and the one that a model string names.

A backend is a Python package with an entry point in the group `ftkit.backends`; a third party adds one by publishing a
package. `local/name` starts with an *instance*: a section [providers.NAME] of the configuration, or a backend's own name.

`replaced` is the seam for tests: inside it every instance is opened by another function, installed or not.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from threading import Lock

from pydantic import ValidationError

from ftkit.backend import Backend, Hosting, Plugin, Training
from ftkit.catalogue import Figure, Overrides
from ftkit.config import Settings
from ftkit.errors import ConfigError, NotFound
from ftkit.words import nearest

log = logging.getLogger("ftkit")

GROUP = "ftkit.backends"
Opener = Callable[[str, Settings], Backend]

_replacements: list[Opener] = []  # those whose block has not ended, in the order of their start
_lock = Lock()
_entered: ContextVar[tuple[Opener, ...]] = ContextVar("ftkit_replacements", default=())


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
    opener = replacement()
    if opener is not None:
        return opener(instance, settings)
    section = dict(settings.providers.get(instance, {}))
    name = section.pop("backend", instance)
    plugins = _entry_points()
    if name not in plugins:
        known = {*plugins, *settings.providers}
        where = f" (named by [providers.{instance}])" if name != instance else ""
        raise NotFound(f"there is no backend {name!r}{where}{nearest(str(name), known)}")
    text = json.dumps(section, sort_keys=True, default=str)
    return _open(name, text, settings.home, _facts(name, instance, settings))


def training_of(instance: str, settings: Settings) -> tuple[Backend, Training]:
    """The backend of an instance with its Training; refused by name where it has none."""
    backend = open_backend(instance, settings)
    if backend.training is None:
        raise backend.refuse("training")
    return backend, backend.training


def hosting_of(instance: str, settings: Settings) -> tuple[Backend, Hosting]:
    """The backend of an instance with its Hosting; refused by name where it has none."""
    backend = open_backend(instance, settings)
    if backend.hosting is None:
        raise backend.refuse("hosting")
    return backend, backend.hosting


def backend_names() -> tuple[str, ...]:
    """Names of every installed backend to go through; those that are not listed answer only when they are named.

    A package that cannot be loaded is left out, with a warning: it must not stop what has nothing to do with it.
    """
    names = []
    for name in _entry_points():
        try:
            if _load(name).listed:
                names.append(name)
        except ConfigError as error:
            log.warning("%s", error)
    return tuple(sorted(names))


def entry_points_found() -> tuple[EntryPoint, ...]:
    """Every entry point of the group as it is installed, also where two claim one name; nothing is imported."""
    return tuple(entry_points(group=GROUP))


def plugin(name: str) -> Plugin:
    """What a backend's entry point names; raises ConfigError where it cannot be imported or is no Plugin."""
    return _load(name)


def is_backend(name: str) -> bool:
    """True where a backend of this name is installed, listed or not."""
    return name in _entry_points()


@contextmanager
def replaced(open: Opener) -> Iterator[None]:
    """For tests: `open` makes the backend of every instance until the block ends.

    Blocks nest. Code that runs in a context which entered one sees that one, whatever other threads do; any other
    thread, such as one that was started inside, sees the newest.
    """

    def opener(instance: str, settings: Settings) -> Backend:
        return open(instance, settings)  # of its own, so that the same `open` can be entered twice

    with _lock:
        _replacements.append(opener)
    _entered.set((*_entered.get(), opener))
    try:
        yield
    finally:
        with _lock:
            _replacements.remove(opener)
        # not reset by a token: a fixture may be ended in another context than it was begun in
        _entered.set(tuple(other for other in _entered.get() if other is not opener))


def replacement() -> Opener | None:
    """What opens backends here and now instead of the installed packages; None outside of `replaced`."""
    with _lock:
        active = list(_replacements)
    own = [opener for opener in _entered.get() if opener in active]
    return own[-1] if own else active[-1] if active else None


def _facts(name: str, instance: str, settings: Settings) -> str:
    """What the configuration sets in the catalogue of a backend, what it sets for this instance last, as JSON."""
    known = {*_entry_points(), *settings.providers}
    for section, figures in settings.catalogue.items():
        if section not in known:
            place = next((origin for _, origin in figures.values()), "the configuration")
            raise ConfigError(
                f"{place}: [catalogue.{section}] names no backend and no provider{nearest(section, known)}"
            )
    found = [
        (place, value, str(origin))
        for section in dict.fromkeys((name, instance))
        for place, (value, origin) in settings.catalogue.get(section, {}).items()
    ]
    return json.dumps(found, default=str)


@lru_cache(maxsize=32)
def _open(name: str, section: str, home: Path, facts: str) -> Backend:
    brought = _load(name)
    try:
        checked = brought.settings.model_validate(json.loads(section))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        fields = brought.settings.model_fields
        hint = nearest(field, fields) if field and field not in fields else ""
        where = f"{field}: " if field else ""  # a rule over several fields names them itself
        said = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"[providers] for backend {name!r}: {where}{said}{hint}") from error
    overrides = Overrides(name, [Figure(tuple(p), v, file) for p, v, file in json.loads(facts)])
    if not overrides.figures:
        return brought.open(checked, home)
    with overrides.in_force():
        backend = brought.open(checked, home)
    if overrides.applied:
        return backend
    return replace(backend, catalogue=overrides.over(backend.catalogue))


@lru_cache(maxsize=32)
def _load(name: str) -> Plugin:
    point = _entry_points()[name]
    try:
        brought = point.load()
    except Exception as error:  # what a stranger's module does when it is imported
        raise ConfigError(
            f"the backend {name!r} of the package {_package(point)} cannot be imported ({type(error).__name__}: {error}); "
            "reinstall or uninstall that package"
        ) from error
    if not isinstance(brought, Plugin):
        raise ConfigError(f"the entry point {name!r} of {GROUP} is not an ftkit.backend.Plugin")
    return brought


@lru_cache(maxsize=1)
def _entry_points() -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for point in entry_points_found():
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            raise ConfigError(
                f"two packages bring a backend named {point.name!r}: {_package(other)} and {_package(point)}; "
                f"uninstall one"
            )
    return found


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value
