"""ftkit's own requirements and those of its extras, as its metadata declares them, against what is installed."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution, version

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from ftkit.diagnosis.report import Group, Installation, Package

_DISTRIBUTION = "ftkit"


def installation() -> Installation:
    """What is installed here; nothing of it is imported."""
    try:
        ours = distribution(_DISTRIBUTION)
    except PackageNotFoundError:
        ours = None
    return Installation(
        version=None if ours is None else ours.version,
        python=platform.python_version(),
        executable=sys.executable,
        system=platform.platform(),
        groups=() if ours is None else tuple(_groups(ours)),
    )


def _groups(ours: Distribution) -> Iterator[Group]:
    requirements = [Requirement(text) for text in ours.requires or ()]
    plain = [one for one in requirements if _applies(one, "")]
    yield Group(None, _packages(plain), f"pip install {_DISTRIBUTION}")
    for extra in ours.metadata.get_all("Provides-Extra") or ():
        own = [one for one in requirements if one not in plain and _applies(one, extra)]
        yield Group(extra, _packages(own), f"pip install '{_DISTRIBUTION}[{extra}]'")


def _applies(requirement: Requirement, extra: str) -> bool:
    if canonicalize_name(requirement.name) == _DISTRIBUTION:
        return False  # an extra that gathers others: they are told of themselves
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _packages(requirements: list[Requirement]) -> tuple[Package, ...]:
    found = [_package(requirement) for requirement in requirements]
    return tuple(sorted(found, key=lambda package: package.name))


def _package(requirement: Requirement) -> Package:
    needed = str(requirement.specifier)
    try:
        installed = version(requirement.name)
    except PackageNotFoundError:
        return Package(requirement.name, needed, None, False)
    try:
        fits = requirement.specifier.contains(installed, prereleases=True)
    except InvalidVersion:
        fits = False
    return Package(requirement.name, needed, installed, fits)
