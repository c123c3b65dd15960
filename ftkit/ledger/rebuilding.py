"""A new ledger from what can be read of a damaged one. The damaged files are set aside, never deleted.

One process does this, under `ledger.lock`; the others wait and find the new file. The new one is complete under a name of
its own before anything is moved.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from ftkit import clock
from ftkit.ledger import file_systems, meta
from ftkit.ledger.connections import connect, place_of, settle_in
from ftkit.ledger.faults import (
    LOCK_TIMEOUT_S,
    SQLITE_ERRORS,
    Damaged,
    meaning,
    refused_by_system,
)
from ftkit.ledger.marker import Marker
from ftkit.ledger.migrations import migrate
from ftkit.ledger.preparing import PAGE_SIZE, ledger_lock
from ftkit.ledger.rows import State
from ftkit.ledger.salvage import Salvage, keep, salvage
from ftkit.ledger.sealing import TABLES, Row, Tables
from ftkit.ledger.swapping import finish_swap, rebuilt_name, swap

log = logging.getLogger("ftkit")
MAY_BE_STALE = "the ledger has lost its newest entries: this call may have been made"


def rebuild(path: Path, damage: Damaged) -> None:
    """Put a new ledger in the place of the one in which damage was seen, unless another process has done so.

    Raises StorageError where there is no space for it; then nothing has been moved.
    """
    with ledger_lock(path):
        place = place_of(path)
        if place is None:
            finish_swap(path)
            place = place_of(path)
        if place is not None and not place.same_file(damage.place):
            return
        marker = Marker(path)
        try:
            opened: list[int] = []
            with _nobody_writes(path):
                found, kept = _build(path, marker.highest(), opened)
                aside = swap(path)
            if damage.keep is not None:
                damage.keep.close()
            for handle in opened:
                os.close(handle)
            if not marker.exists():
                marker.make()
            marker.note(found.changes + 1)
        except SQLITE_ERRORS as error:
            raise meaning(error, rebuilt_name(path)) from error
        except OSError as error:
            raise refused_by_system(error, rebuilt_name(path)) from error
        log.warning(
            "the ledger %s was damaged (%s) and has been rebuilt with %d rows%s; something may be missing: "
            "ftkit jobs import takes up what providers know. The damaged file is kept as %s",
            path,
            damage.reason,
            kept,
            ", some of them older than the last change" if found.stale else "",
            aside or "nothing, for it was gone",
        )


def _build(path: Path, noted: int, opened: list[int]) -> tuple[Salvage, int]:
    folder = Path(tempfile.mkdtemp(prefix="ledger.salvage.", dir=path.parent))
    try:
        found = salvage(path, folder, noted, opened)
        fresh = folder / "fresh.sqlite"
        now = clock.now().isoformat()
        shared = file_systems.is_shared(file_systems.type_of(path.parent))
        with closing(connect(fresh, "rwc")) as connection:
            settle_in(connection, shared=shared)
            connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
            connection.execute("PRAGMA journal_mode = DELETE")
            migrate(connection)
            connection.execute("BEGIN")
            tables = Tables(connection)
            kept = keep(found, tables)
            if found.stale:
                _doubt(tables, now)
            meta.set_changes(tables, found.changes + 1)
            meta.keep_rebuilt(tables, meta.Rebuilt(now, kept))
            connection.execute("COMMIT")
            if not shared:
                connection.execute("PRAGMA journal_mode = WAL")
        fresh.replace(rebuilt_name(path))
    finally:
        shutil.rmtree(folder)
    return found, kept


def _doubt(tables: Tables, now: str) -> None:
    """An intent from before the lost entries must not say that nothing was sent."""
    unsent = (State.PREPARED.value, State.UPLOADING.value)
    seq = int(tables.connection.execute("SELECT coalesce(max(seq), 0) FROM history").fetchone()[0])
    for row in tables.read("intents", "WHERE state IN (?, ?)", *unsent):
        seq += 1
        _doubt_one(tables, row, now, seq)


def _doubt_one(tables: Tables, row: Row, now: str, seq: int) -> None:
    before = dict(zip(TABLES["intents"], row, strict=True))
    doubt = {
        "state": State.UNSETTLED.value,
        "error": MAY_BE_STALE,
        "sent_at": now,
        "updated_at": now,
    }
    tables.put("intents", before | doubt)
    tables.put(
        "history",
        {
            "seq": seq,
            "subject": before["subject"],
            "at": now,
            "what": f"{before['verb']} {State.UNSETTLED}",
            "detail": MAY_BE_STALE,
            "usd": None,
        },
    )


@contextlib.contextmanager
def _nobody_writes(path: Path) -> Iterator[None]:
    """Let changes under way end, and hold up new ones until they see that the file has been replaced."""
    if not path.exists():
        yield
        return
    with closing(connect(path, "rw")) as guard:
        try:
            guard.execute(f"PRAGMA busy_timeout = {LOCK_TIMEOUT_S * 1000}")
            guard.execute("BEGIN IMMEDIATE")
        except SQLITE_ERRORS as error:
            # then the others cannot write to it either; whoever still can, looks again after its change
            log.debug("no lock on the damaged %s: %s", path, error)
        yield
        if guard.in_transaction:
            guard.execute("ROLLBACK")
