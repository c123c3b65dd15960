"""Stopping a job, also one whose create is on its way: that is stopped as soon as it has an id."""

from __future__ import annotations

from ftkit.backend import JobStatus, Training
from ftkit.config import Settings
from ftkit.ledger import JobRow, Ledger, State
from ftkit.patience import patiently
from ftkit.registry import training_of
from ftkit.spending import one_at_a_time
from ftkit.submission.observing import observe


def cancel_job(id: str, settings: Settings) -> JobRow:
    """Ask for a job to be stopped; one whose call is open is stopped as soon as it is found."""
    ledger = Ledger(settings.home)
    row = ledger.job(id)
    if row.state in (State.PREPARED, State.UPLOADING):
        with one_at_a_time(settings.home, row.stem):
            if ledger.move(
                id, State.CLOSED, only_from=(State.PREPARED, State.UPLOADING), detail="cancelled"
            ):
                ledger.change(
                    id, status=JobStatus.CANCELLED.value, raw_status="cancelled before it was sent"
                )
                return ledger.job(id)
            row = ledger.job(id)
    if row.status.final or row.state is State.CLOSED:
        return row
    if row.state.open:
        ledger.change(id, cancel_requested=1)
        ledger.tell(id, "cancel requested", "it is carried out once the job is found")
        row = ledger.job(id)
        if row.state is not State.MADE:  # else it was found while this was written
            return row
    _, training = training_of(row.instance, settings)
    ledger.tell(id, "cancel requested")
    remote_id = row.remote_id
    if remote_id is not None:
        patiently(row.instance, lambda: training.cancel(remote_id))
    return ledger.job(id)


def cancel_if_asked(ledger: Ledger, training: Training, row: JobRow) -> JobRow:
    """Send the cancel that was asked for while the job had no id yet; the row as it is then."""
    if row.cancel_requested and not row.status.final and row.remote_id is not None:
        id = row.remote_id
        patiently(row.instance, lambda: training.cancel(id))
        ledger.tell(row.id, "cancel sent", "it was asked for while the job was not found")
        return observe(ledger, row.id, patiently(row.instance, lambda: training.get(id)))
    return row
