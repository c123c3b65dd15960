"""The configuration in force, or why there is none, and the folder that everything is kept in."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ftkit import config
from ftkit.config import Settings
from ftkit.diagnosis.asking import reason_of
from ftkit.diagnosis.report import Disk, Setup
from ftkit.errors import ConfigError


def settings_or_defaults() -> tuple[Settings, str]:
    """The settings, and why they could not be read: the defaults are taken then."""
    try:
        return config.settings(), ""
    except ConfigError as error:
        return Settings(config.home(), config.DEFAULT_PROFILE), reason_of(error)


def setup(settings: Settings, trouble: str) -> Setup:
    """What is set and where."""
    try:
        files = tuple(path for path, _ in config.files())
    except ConfigError:
        files = ()  # FTKIT_CONFIG names none: that is the trouble
    origins = {name: str(origin) for name, origin in settings.origins.items()}
    return Setup(
        files=files,
        profile=settings.profile,
        profile_from=origins.get("profile", "default"),
        model=settings.model,
        model_from=origins.get("model", ""),
        home=settings.home,
        home_from=origins.get("home", "default"),
        trouble=trouble,
        clock=os.environ.get("FTKIT_NOW"),
    )


def disk(home: Path) -> Disk:
    """The disk under a folder that may not be there yet."""
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    try:
        free = shutil.disk_usage(there).free
    except OSError:
        free = None
    ledger = home / "ledger.sqlite"
    places = [there, ledger] if ledger.exists() else [there]
    writable = there.is_dir() and all(os.access(place, os.W_OK) for place in places)
    return Disk(exists=home.exists(), writable=writable, free=free)
