"""A backend as its folder declares it, and what its entry point names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ftkit.backend.parts import Device, Hosting, Inference, Pricing, Training
from ftkit.catalogue.schema import Catalogue
from ftkit.errors import CapabilityError
from ftkit.secrets import Secret


@dataclass(frozen=True, slots=True)
class Backend:
    """One provider. A part that is missing is None; a method or option that is missing stands in `lacks`.

    `scope` names whose account it is: family, host, organisation or project, region, never the instance's local name. It
    may read the network once; a piece that cannot be learned is "?". `credentials` names the environment variables that
    it reads credentials from, for people who ask why a call was refused.
    """

    name: str
    settings: BaseModel
    catalogue: Catalogue
    scope: Callable[[], str]
    pricing: Pricing | None = None
    training: Training | None = None
    hosting: Hosting | None = None
    inference: Inference | None = None
    lacks: Mapping[str, str] = field(default_factory=dict)
    credentials: tuple[Secret, ...] = ()

    def refuse(self, what: str) -> CapabilityError:
        """The error for something that this backend declares it lacks."""
        reason = self.lacks.get(what, "this backend does not have it")
        return CapabilityError(f"{self.name} cannot do {what!r}: {reason}")


@dataclass(frozen=True, slots=True)
class Plugin:
    """What an entry point of the group `ftkit.backends` names.

    `settings` is the pydantic type of an instance's section in the configuration; `open` makes the backend from checked
    settings and FTKIT_HOME, without touching the network. One that is not `listed` works when it is named and is left
    out where all providers are gone through: those for tests. `devices` lists what this machine can compute on, where the
    backend computes here; it works without the backend's extra, may take seconds, and raises FtkitError with the reason.
    """

    name: str
    settings: type[BaseModel]
    open: Callable[[Any, Path], Backend]
    listed: bool = True
    devices: Callable[[], Sequence[Device]] | None = None
