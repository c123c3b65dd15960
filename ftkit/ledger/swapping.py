"""Putting a rebuilt ledger in the place of a damaged one, whose files are kept under a name of their own.

`ledger.sqlite.rebuilt` is complete whenever it exists. Where it lies without a ledger beside it, a process ended half-way
through the swap, and the next one finishes it.
"""

from __future__ import annotations

from pathlib import Path

from ftkit import clock
from ftkit.ledger.faults import refused_by_system
from ftkit.ledger.marker import sync_folder

BESIDE = ("", "-wal", "-shm", "-journal")


def rebuilt_name(path: Path) -> Path:
    """Where a complete new ledger waits."""
    return path.with_name(path.name + ".rebuilt")


def swap(path: Path) -> Path | None:
    """Set the files of a ledger aside and put the rebuilt one there; the name of the old one, None where it was gone.

    A log must never lie beside another ledger than its own: SQLite would play it back. Hence the ledger goes first and
    comes last.
    """
    now = clock.now().strftime("%Y%m%dT%H%M%SZ")
    aside = free_name(path.with_name(f"{path.name}.damaged.{now}"))
    kept = None
    try:
        for suffix in BESIDE:
            old = Path(f"{path}{suffix}")
            if old.exists():
                old.rename(f"{aside}{suffix}")
                kept = aside
        sync_folder(path.parent)
        rebuilt_name(path).replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise refused_by_system(error, path) from error
    return kept


def finish_swap(path: Path) -> None:
    """Finish what an earlier process began, under the lock."""
    if rebuilt_name(path).exists():
        swap(path)


def free_name(wanted: Path) -> Path:
    """This name, or the first of `name.1`, `name.2`, ... under which no file of a ledger lies."""
    name, number = wanted, 0
    while any(Path(f"{name}{suffix}").exists() for suffix in BESIDE):
        number += 1
        name = wanted.with_name(f"{wanted.name}.{number}")
    return name
