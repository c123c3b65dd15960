"""Settings and where each of them comes from, read anew at every call.

From weak to strong: user configuration, `ftkit.toml` found upward from the working folder to the repository root, the
file named by FTKIT_CONFIG, the variables FTKIT_PROFILE, FTKIT_MODEL and FTKIT_HOME, arguments. A project's file may not
say where requests and rows go or which credential is used: a cloned repository would send its user's key to a stranger.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from ftkit.errors import ConfigError
from ftkit.hyperparameters import Hyperparameters, parse_hyperparameters
from ftkit.secrets import may_name_a_variable, redact
from ftkit.words import nearest

FILE_NAME = "ftkit.toml"
DEFAULT_PROFILE = "default"
STALE_AFTER_DAYS = 90  # providers change a price about once a quarter; older figures are marked
_TOP = ("profile", "monthly_budget_usd", "stale_after_days", "profiles", "providers", "catalogue")
_PROFILE = ("model", "method", "max_cost_usd", "allow_retiring", "hyperparameters")
_ROUTES_A_KEY = re.compile(
    r"url|host|endpoint|bucket|proxy|header|key|token|secret|credential|password", re.IGNORECASE
)

_FETCHES = ("hub_id", "packaged")  # of a model: where its weights come from
_NAMES_A_VARIABLE = re.compile(r"_env$", re.IGNORECASE)
_IS_A_KEY = re.compile(
    r"(?:^key|(?:^|[_-])(?:api|access|secret|private|account|subscription)[_-]?key|(?:^|[_-])(?:token|secret|password"
    r"|passwd|passphrase|authorization|cookie|credentials?))$",
    re.IGNORECASE,
)
_PATH = re.compile(r"(?:/|~|\.{1,2}/|[A-Za-z]:[\\/]).*\.\w{1,5}$")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was written; `project` is True for files that come with a repository."""

    place: str
    project: bool = False

    def __str__(self) -> str:
        return self.place


Facts = Mapping[tuple[str, ...], tuple[Any, Origin]]


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings in force. `origins` maps a dotted name to the place it was written.

    `catalogue` has, by backend or instance, what is set of its facts: path (table, row, field, ...) to value and origin,
    the weakest first. Of `monthly_budget_usd` the lowest that any file names holds: a cloned repository must not raise it.
    """

    home: Path
    profile: str
    model: str | None = None
    method: str | None = None
    max_cost_usd: Decimal | None = None
    monthly_budget_usd: Decimal | None = None
    allow_retiring: bool = False
    stale_after_days: int = STALE_AFTER_DAYS
    hyperparameters: Hyperparameters = field(default_factory=Hyperparameters)
    providers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)
    catalogue: Mapping[str, Facts] = field(default_factory=dict)


def home() -> Path:
    """FTKIT_HOME: the folder of the ledger, of runs and of imported models."""
    if value := os.environ.get("FTKIT_HOME"):
        return Path(value).expanduser().absolute()
    from platformdirs import user_data_path

    return user_data_path("ftkit", appauthor=False)


def settings(profile: str | None = None) -> Settings:
    """Read every source; raises ConfigError naming the file and the nearest right word."""
    chosen, chosen_at = None, Origin("default")
    profiles: dict[str, dict[str, tuple[Any, Origin]]] = {}
    providers: dict[str, dict[str, Any]] = {}
    catalogue: dict[str, dict[tuple[str, ...], tuple[Any, Origin]]] = {}
    origins: dict[str, Origin] = {}
    monthly: Decimal | None = None
    stale_after_days = STALE_AFTER_DAYS
    for path, project in files():
        origin = Origin(str(path), project)
        content = _read(path, origin)
        if "profile" in content:
            chosen, chosen_at = content["profile"], origin
        budget = money(content.get("monthly_budget_usd"), f"{path}: monthly_budget_usd")
        if budget is not None and (monthly is None or budget <= monthly):
            monthly, origins["monthly_budget_usd"] = budget, origin
        if "stale_after_days" in content:
            stale_after_days = content["stale_after_days"]
            origins["stale_after_days"] = origin
        for name, values in content.get("profiles", {}).items():
            into = profiles.setdefault(name, {})
            for key, value in values.items():
                if key == "hyperparameters" and key in into:
                    value = {**into[key][0], **value}
                into[key] = (value, origin)
        for name, values in content.get("providers", {}).items():
            providers.setdefault(name, {}).update(values)
            origins.update({f"providers.{name}.{key}": origin for key in values})
        for name, tables in content.get("catalogue", {}).items():
            facts = catalogue.setdefault(name, {})
            for keys, value in _figures(tables):
                facts.pop(keys, None)  # to the end, where the strongest stand
                facts[keys] = (value, origin)
    if value := os.environ.get("FTKIT_PROFILE"):
        chosen, chosen_at = value, Origin("FTKIT_PROFILE")
    if profile is not None:
        chosen, chosen_at = profile, Origin("argument")
    if chosen is not None and chosen not in profiles:
        raise ConfigError(f"{chosen_at}: there is no profile {chosen!r}{nearest(chosen, profiles)}")
    name = chosen or DEFAULT_PROFILE
    values = {key: value for key, (value, _) in profiles.get(name, {}).items()}
    origins |= {key: origin for key, (_, origin) in profiles.get(name, {}).items()}
    origins["profile"] = chosen_at
    if value := os.environ.get("FTKIT_MODEL"):
        values["model"], origins["model"] = value, Origin("FTKIT_MODEL")
    origins["home"] = Origin("FTKIT_HOME" if os.environ.get("FTKIT_HOME") else "default")
    loose = values.get("hyperparameters", {})
    place = f"{origins.get('hyperparameters', '')} [profiles.{name}.hyperparameters]"
    return Settings(
        home=home(),
        profile=name,
        model=values.get("model"),
        method=values.get("method"),
        max_cost_usd=money(values.get("max_cost_usd"), str(origins.get("max_cost_usd", ""))),
        monthly_budget_usd=monthly,
        allow_retiring=values.get("allow_retiring", False),
        stale_after_days=stale_after_days,
        hyperparameters=parse_hyperparameters(loose, place),
        providers=providers,
        origins=origins,
        catalogue=catalogue,
    )


def money(value: object, origin: str = "max_cost_usd") -> Decimal | None:
    """USD as Decimal; a float is taken through its shortest text."""
    if value is None:
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation as error:
        raise ConfigError(f"{origin}: {value!r} is not an amount of USD") from error
    if not amount.is_finite() or amount < 0:
        raise ConfigError(f"{origin}: {value!r} is not an amount of USD")
    return amount


def files() -> list[tuple[Path, bool]]:
    """Configuration files that exist, weakest first, each with whether it belongs to a project."""
    from platformdirs import user_config_path

    found = []
    user = user_config_path("ftkit", appauthor=False) / FILE_NAME
    if user.is_file():
        found.append((user, False))
    folder = Path.cwd()
    for candidate in (folder, *folder.parents):
        if (candidate / FILE_NAME).is_file() and candidate / FILE_NAME != user:
            found.append((candidate / FILE_NAME, True))
            break
        if (candidate / ".git").exists():
            break
    if named := os.environ.get("FTKIT_CONFIG"):
        path = Path(named).expanduser()
        if not path.is_file():
            raise ConfigError(f"FTKIT_CONFIG names {path}, which is not a file")
        found.append((path, False))
    return found


def _read(path: Path, origin: Origin) -> dict[str, Any]:
    content = _checked(path, origin)
    if isinstance(content, ConfigError):
        raise content
    return content


def _checked(path: Path, origin: Origin) -> dict[str, Any] | ConfigError:
    """An error is returned: frames of a traceback are printed with their variables, here what the file holds."""
    try:
        return _content(path, origin)
    except ConfigError as error:
        return error.with_traceback(None)


def _content(path: Path, origin: Origin) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        # not chained: the parser's frames hold the whole text
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    _known(content, _TOP, path, "")
    if not isinstance(content.get("profile", ""), str):
        raise ConfigError(f"{path}: profile must be the name of a profile")
    days = content.get("stale_after_days", STALE_AFTER_DAYS)
    if not isinstance(days, int) or isinstance(days, bool) or days < 1:
        raise ConfigError(
            f"{path}: stale_after_days = {days!r} is not a whole number of days, 1 or more"
        )
    for section in ("profiles", "providers", "catalogue"):
        if not isinstance(content.get(section, {}), dict):
            raise ConfigError(f"{path}: write [{section}.NAME], not {section} = ...")
        for name, values in content.get(section, {}).items():
            if not isinstance(values, dict):
                raise ConfigError(f"{path}: write [{section}.{name}] with settings below it")
    for name, values in content.get("profiles", {}).items():
        place = f"[profiles.{name}]"
        _known(values, _PROFILE, path, f" in {place}")
        for key, kind in (
            ("model", str),
            ("method", str),
            ("allow_retiring", bool),
            ("hyperparameters", dict),
        ):
            if key in values and not isinstance(values[key], kind):
                raise ConfigError(f"{path} {place}: {key} = {values[key]!r} is not {_KIND[kind]}")
        parse_hyperparameters(
            values.get("hyperparameters", {}), f"{path} [profiles.{name}.hyperparameters]"
        )
    if origin.project:
        for name, values in content.get("providers", {}).items():
            for key in values:
                if _ROUTES_A_KEY.search(key):
                    raise ConfigError(
                        f"{path}: [providers.{name}] {key} may not stand in a project's file, since it decides "
                        f"where credentials or rows go; put it into your user configuration or name a file with FTKIT_CONFIG"
                    )
        for name, tables in content.get("catalogue", {}).items():
            for keys, _ in _figures(tables):
                if keys[2:3] and keys[2] in _FETCHES:
                    raise ConfigError(
                        f"{path}: [catalogue.{name}] {'.'.join(keys)} may not stand in a project's file, since it decides "
                        "whose weights are fetched; put it into your user configuration or name a file with FTKIT_CONFIG"
                    )
    held = _credential_in(content.get("providers", {}), "providers")
    if held := held or _credential_in(content.get("catalogue", {}), "catalogue"):
        raise ConfigError(
            f"{path}: {held} holds a credential, which is not shown here; files are shown, copied and committed: "
            f"take it out, and put it into an environment variable"
        )
    return content


def _credential_in(value: Any, name: str) -> str:
    """The dotted name of a setting that is a credential, by its name or by its shape; "" where there is none."""
    if isinstance(value, Mapping):
        return next(filter(None, (_credential_in(v, f"{name}.{k}") for k, v in value.items())), "")
    if isinstance(value, list):
        return next(filter(None, (_credential_in(inner, name) for inner in value)), "")
    if not isinstance(value, str) or not value:
        return ""
    key = name.rpartition(".")[2]
    if _NAMES_A_VARIABLE.search(key):
        named = re.search("[0-9]", value) is not None and not may_name_a_variable(value)
    else:
        named = _IS_A_KEY.search(key) is not None and not _PATH.fullmatch(value)
    return name if named or redact(value) != value else ""


def _figures(tables: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value below some tables with the keys that lead to it."""
    for key, value in tables.items():
        if isinstance(value, Mapping):
            yield from (((key, *place), inner) for place, inner in _figures(value))
        else:
            yield (key,), value


_KIND: dict[type, str] = {str: "text", bool: "true or false", dict: "a table"}


def _known(values: Mapping[str, Any], known: tuple[str, ...], path: Path, where: str) -> None:
    for key in values:
        if key not in known:
            raise ConfigError(f"{path}: there is no setting {key!r}{where}{nearest(key, known)}")
