"""The report: facts in the order in which they are told, and the remarks that follow from them.

No field holds a credential: variables are named, and texts of others are redacted when they are taken in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

from ftkit.backend import Device
from ftkit.ledger import LedgerView
from ftkit.secrets import redact


class Level(StrEnum):
    """A problem keeps something from working; a notice is good to know."""

    PROBLEM = "problem"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Remark:
    """What was found, and what to do about it."""

    level: Level
    what: str
    todo: str


@dataclass(frozen=True, slots=True)
class Package:
    """A package that is required: `needed` is the range of versions, `installed` the version found."""

    name: str
    needed: str
    installed: str | None
    fits: bool

    @property
    def clashes(self) -> bool:
        """True where it is installed in a version that does not fit."""
        return self.installed is not None and not self.fits


@dataclass(frozen=True, slots=True)
class Group:
    """The packages of one extra, of ftkit itself where `extra` is None; `command` completes it."""

    extra: str | None
    packages: tuple[Package, ...]
    command: str

    @property
    def missing(self) -> tuple[Package, ...]:
        """Those that are not installed at all."""
        return tuple(package for package in self.packages if package.installed is None)

    @property
    def clashes(self) -> tuple[Package, ...]:
        """Those that are installed in a version that does not fit."""
        return tuple(package for package in self.packages if package.clashes)


@dataclass(frozen=True, slots=True)
class Installation:
    """ftkit and what it runs on. `version` is None where ftkit was not installed as a package."""

    version: str | None
    python: str
    executable: str
    system: str
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Credential:
    """An environment variable that a credential was looked for in; `trouble` says why what it holds is none."""

    variable: str
    found: bool
    trouble: str = ""


class Access(StrEnum):
    """Whether a provider can be worked with."""

    READY = "ready"
    NOT_INSTALLED = "not installed"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Provider:
    """One instance of a backend: `package` brings it, `configured` where a section [providers.NAME] names it."""

    instance: str
    backend: str
    package: str | None
    configured: bool
    access: Access
    trouble: str = ""
    parts: tuple[str, ...] = ()
    credentials: tuple[Credential, ...] = ()

    @property
    def has_credential(self) -> bool:
        """True where one was found or none is declared."""
        return not self.credentials or any(one.found for one in self.credentials)

    @property
    def lacks_credential(self) -> str:
        """Why it has none, in words; empty where it has one."""
        if self.has_credential:
            return ""
        trouble = [one.trouble for one in self.credentials if one.trouble]
        names = " or ".join(one.variable for one in self.credentials)
        return "; ".join(trouble) or f"{names} is not set"


@dataclass(frozen=True, slots=True)
class Setup:
    """The configuration in force; `trouble` says why it could not be read, defaults are shown then."""

    files: tuple[Path, ...]
    profile: str
    profile_from: str
    model: str | None
    model_from: str
    home: Path
    home_from: str
    trouble: str = ""
    clock: str | None = None


@dataclass(frozen=True, slots=True)
class Disk:
    """Where FTKIT_HOME lies, or will lie once something is written."""

    exists: bool
    writable: bool
    free: int | None


@dataclass(frozen=True, slots=True)
class Machine:
    """This machine; memory in bytes, `devices` the best first. `trouble` says why a backend could not list them."""

    cores: int
    memory: int | None
    devices: tuple[Device, ...]
    trouble: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Charge:
    """Something that costs money now: a deployment by the hour, a job its price. None: not known.

    `model` is `instance/native`, `since` ISO time, `source` who says so; what is not `ours` is not in this ledger.
    """

    kind: str
    instance: str
    id: str
    model: str
    since: str
    source: str
    usd_per_hour: Decimal | None = None
    usd: Decimal | None = None
    ours: bool = True


@dataclass(frozen=True, slots=True)
class Costs:
    """What costs money at `at` (ISO time): `asked` providers say what runs, `not_asked` why one was not."""

    at: str
    asked: tuple[str, ...]
    not_asked: Mapping[str, str]
    charges: tuple[Charge, ...]

    @property
    def deployments(self) -> tuple[Charge, ...]:
        """What is billed by the hour."""
        return tuple(charge for charge in self.charges if charge.kind == "deployment")

    @property
    def usd_per_hour(self) -> Decimal:
        """All deployments whose price is known."""
        return sum((c.usd_per_hour or Decimal(0) for c in self.deployments), Decimal(0))


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What `ftkit doctor` found. `str()` is for people and shortens the user's folder to `~`."""

    remarks: tuple[Remark, ...]
    installation: Installation
    providers: tuple[Provider, ...]
    setup: Setup
    disk: Disk
    ledger: LedgerView
    machine: Machine
    costs: Costs

    @property
    def problems(self) -> tuple[Remark, ...]:
        """What keeps something from working."""
        return tuple(remark for remark in self.remarks if remark.level is Level.PROBLEM)

    @property
    def notices(self) -> tuple[Remark, ...]:
        """What is good to know."""
        return tuple(remark for remark in self.remarks if remark.level is Level.NOTICE)

    @property
    def ok(self) -> bool:
        """True where there is no problem."""
        return not self.problems

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; money is text, of the ledger only what a diagnosis needs."""
        ledger = self.ledger
        value = {
            "schema_version": 1,
            "ok": self.ok,
            "remarks": [asdict(remark) for remark in self.remarks],
            "costs": asdict(self.costs) | {"usd_per_hour": self.costs.usd_per_hour},
            "installation": asdict(self.installation),
            "providers": [asdict(provider) for provider in self.providers],
            "setup": asdict(self.setup),
            "disk": asdict(self.disk),
            "ledger": {
                "path": ledger.path,
                "condition": ledger.condition,
                "reason": ledger.reason,
                "schema": ledger.schema,
                "size": ledger.size,
                "jobs": ledger.jobs,
                "file_system": ledger.file_system,
                "on_network": ledger.on_network,
                "write_ahead_log": ledger.write_ahead_log,
                "rebuilt_at": ledger.rebuilt_at,
            },
            "machine": asdict(self.machine),
        }
        plain: dict[str, Any] = _plain(value)
        return plain

    def __str__(self) -> str:
        from ftkit.diagnosis.wording import in_words

        return in_words(self)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal | Path | str):
        return redact(str(value))
    return value
