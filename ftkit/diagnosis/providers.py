"""Every backend that is installed and every instance that is configured: whether it opens, what it has, what it lacks.

Those for tests, which are not listed, are told of only where somebody has set them up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint

from ftkit.backend import Backend, Device, Plugin
from ftkit.config import Settings
from ftkit.diagnosis.asking import one_line, reason_of
from ftkit.diagnosis.report import Access, Credential, Provider
from ftkit.errors import AuthError, NotInstalled
from ftkit.registry import entry_points_found, open_backend, plugin
from ftkit.secrets import Secret

PARTS = ("pricing", "training", "hosting", "inference")


@dataclass(frozen=True, slots=True)
class Looked:
    """What is told of a provider, and the objects to ask more of; None where they cannot be had."""

    provider: Provider
    backend: Backend | None
    plugin: Plugin | None


def providers(settings: Settings) -> list[Looked]:
    """Instances by name, none where two packages claim one name; nothing is asked of a provider."""
    if claimed_twice():
        return []
    points = _by_name()
    instances = {name: name for name in points}
    for name, section in settings.providers.items():
        instances[name] = str(section.get("backend", name))
    found = [_look(name, backend, points, settings) for name, backend in sorted(instances.items())]
    wanted = (settings.model or "").partition("/")[0]
    return [one for one in found if _told(one, wanted)]


def claimed_twice() -> list[str]:
    """Backend names that two packages claim, each with both of them; no backend opens then."""
    return [
        f"two packages bring a backend named {name!r}: {' and '.join(_package(p) for p in points)}"
        for name, points in sorted(_by_name().items())
        if len(points) > 1
    ]


def _by_name() -> dict[str, list[EntryPoint]]:
    """Entry points by name: an installation that is listed twice counts once."""
    found: dict[str, dict[str, EntryPoint]] = {}
    for point in entry_points_found():
        found.setdefault(point.name, {}).setdefault(point.value, point)
    return {name: list(points.values()) for name, points in found.items()}


def _look(
    instance: str, backend: str, points: Mapping[str, list[EntryPoint]], settings: Settings
) -> Looked:
    package = _package(points[backend][0]) if backend in points else None
    configured = instance in settings.providers
    brought: Plugin | None = None
    try:
        if backend in points:
            brought = plugin(backend)
        opened = open_backend(instance, settings)
        parts = tuple(part for part in PARTS if getattr(opened, part) is not None)
        credentials = tuple(_looked_for(secret) for secret in opened.credentials)
    except NotInstalled as error:
        access, trouble = Access.NOT_INSTALLED, reason_of(error)
    except Exception as error:  # noqa: BLE001 - a backend of somebody else may raise anything
        access, trouble = Access.BROKEN, reason_of(error)
    else:
        told = Provider(
            instance, backend, package, configured, Access.READY, "", parts, credentials
        )
        return Looked(told, opened, brought)
    return Looked(
        Provider(one_line(instance), one_line(backend), package, configured, access, trouble),
        None,
        brought,
    )


def _told(looked: Looked, wanted: str) -> bool:
    told = looked.provider
    used = told.configured or told.instance == wanted
    listed = looked.plugin is None or looked.plugin.listed
    return used or listed or any(one.found or one.trouble for one in told.credentials)


def _looked_for(secret: Secret) -> Credential:
    if not os.environ.get(secret.env_name, "").strip():
        return Credential(secret.env_name, False)
    try:
        secret.reveal()
    except AuthError as error:
        return Credential(secret.env_name, False, reason_of(error))
    return Credential(secret.env_name, True)


def _package(point: EntryPoint) -> str:
    return point.value if point.dist is None else f"{point.dist.name} {point.dist.version}"


def devices_of(found: list[Looked]) -> dict[str, Callable[[], Sequence[Device]]]:
    """By plugin, what lists this machine's devices."""
    brought = [looked.plugin for looked in found if looked.plugin is not None]
    return {plugin.name: plugin.devices for plugin in brought if plugin.devices is not None}
