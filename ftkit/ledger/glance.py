"""A glance at what may run by the hour, for the start of every command: about a millisecond, and nothing is made or mended.

A ledger that is damaged, locked or newer shows nothing here: whoever opens it deals with that.
"""

from __future__ import annotations

from pathlib import Path

from ftkit.ledger.connections import place_of
from ftkit.ledger.deployments import may_run
from ftkit.ledger.faults import SQLITE_ERRORS, Damaged
from ftkit.ledger.migrations import MIGRATIONS, version_of
from ftkit.ledger.rows import DeploymentRow
from ftkit.ledger.sealing import Tables
from ftkit.ledger.store import Ledger
from ftkit.ledger.viewing import opened_quietly


def deployments_at(home: Path) -> list[DeploymentRow]:
    """The deployments of an FTKIT_HOME that may cost money now, oldest first. An older ledger is migrated."""
    path = home / "ledger.sqlite"
    try:
        if place_of(path) is None:
            return []
        with opened_quietly(path) as connection:
            version = version_of(connection)
            if version == len(MIGRATIONS):
                return may_run(Tables(connection))
    except (Damaged, OSError, ValueError, *SQLITE_ERRORS):
        return []
    return Ledger(home).deployments.may_run() if 0 < version < len(MIGRATIONS) else []
