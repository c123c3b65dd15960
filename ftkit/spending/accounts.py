"""Whose account a paid call belongs to.

A scope is written `family|host|organisation|region`; a piece that is not known is "?". Under another account the same
key means other work, so nothing is recovered there.
"""

from __future__ import annotations

from ftkit.backend import Backend
from ftkit.errors import ConfigError
from ftkit.patience import patiently


def scope_of(instance: str, backend: Backend) -> str:
    """The account that the present settings and credentials lead to; may read the network once."""
    return patiently(instance, backend.scope)


def same_account(what: str, stored: str, instance: str, backend: Backend) -> None:
    """Raise ConfigError where `what` belongs to another account than the present one."""
    present = scope_of(instance, backend)
    pieces = zip(stored.split("|"), present.split("|"), strict=False)
    if stored.count("|") != present.count("|") or any(
        ours != theirs and "?" not in (ours, theirs) for ours, theirs in pieces
    ):
        raise ConfigError(
            f"{what} was submitted as {stored}, and the settings of {instance} now lead to {present}; "
            f"use the settings and the key it was submitted with"
        )
