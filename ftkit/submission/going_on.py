"""Finishing a submission whose process died before anything was paid for."""

from __future__ import annotations

from ftkit.config import Settings
from ftkit.ledger import JobRow, Ledger, State
from ftkit.registry import training_of
from ftkit.spending import one_at_a_time, same_account
from ftkit.submission.attempts import found_meanwhile
from ftkit.submission.creating import create


def go_on(id: str, settings: Settings) -> JobRow:
    """Finish a submission that was interrupted before anything was paid for, from the ledger and the spool alone."""
    ledger = Ledger(settings.home)
    row = ledger.job(id)
    with one_at_a_time(settings.home, row.stem):
        row = ledger.job(id)
        if row.state not in (State.PREPARED, State.UPLOADING):
            return row
        backend, training = training_of(row.instance, settings)
        same_account(f"job {row.id}", row.scope, row.instance, backend)
        row = found_meanwhile(ledger, training, row)
        if row.state is State.MADE:
            return row
        return create(ledger, backend, training, row)
