"""What became of a paid call whose answer was lost: look again, bind it to a provider's job, or close it."""

from __future__ import annotations

import logging

from ftkit.backend import JobStatus, Training
from ftkit.config import Settings
from ftkit.errors import ConfigError, NotFound
from ftkit.ledger import JobRow, Ledger, State
from ftkit.patience import patiently
from ftkit.registry import training_of
from ftkit.spending import adopt, look, one_at_a_time, same_account, settle
from ftkit.submission.creating import purchase
from ftkit.submission.observing import observe

log = logging.getLogger("ftkit")


def settle_row(ledger: Ledger, training: Training, row: JobRow) -> JobRow:
    """Look for an open job by its key; raises OutcomeUnknown while it cannot be known. A cancel that waited is sent."""
    remote = settle(ledger, row.id, purchase(training, row, None))
    return _cancel_if_asked(ledger, training, observe(ledger, row.id, remote))


def settle_job(
    id: str, settings: Settings, *, adopt_id: str | None = None, not_created: bool = False
) -> JobRow:
    """Settle one job of the ledger; the row as it is then. One that is not open stays as it is.

    `adopt_id` binds it to that job of the provider; `not_created` closes it, unless the provider lists it after all.
    """
    if adopt_id is not None and not_created:
        raise ConfigError("say either --adopt ID or --not-created")
    ledger = Ledger(settings.home)
    row = ledger.job(id)
    with one_at_a_time(settings.home, row.stem):
        row = ledger.job(id)
        if not row.state.open:
            return row
        backend, training = training_of(row.instance, settings)
        same_account(f"job {row.id}", row.scope, row.instance, backend)
        if adopt_id is not None:
            return _bind(ledger, training, row, adopt_id)
        if not_created:
            return _close(ledger, training, row)
        return settle_row(ledger, training, row)


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
        return ledger.job(id)
    _, training = training_of(row.instance, settings)
    ledger.tell(id, "cancel requested")
    remote_id = row.remote_id
    if remote_id is not None:
        patiently(row.instance, lambda: training.cancel(remote_id))
    return ledger.job(id)


def _bind(ledger: Ledger, training: Training, row: JobRow, remote_id: str) -> JobRow:
    other = ledger.by_remote(row.instance, remote_id)
    if other is not None and other.id != row.id:
        raise ConfigError(f"{row.instance}/{remote_id} belongs to job {other.id} already")
    try:
        remote = patiently(row.instance, lambda: training.get(remote_id))
    except NotFound as error:
        raise NotFound(f"{row.instance} has no job {remote_id!r}; nothing was changed") from error
    if remote.key is not None and remote.key != row.id:
        raise ConfigError(
            f"{row.instance}/{remote_id} carries the key {remote.key}, it is other work; nothing was changed"
        )
    adopt(ledger, row.id, purchase(training, row, None), [remote], "bound by hand")
    return _cancel_if_asked(ledger, training, observe(ledger, row.id, remote))


def _close(ledger: Ledger, training: Training, row: JobRow) -> JobRow:
    found = look(ledger, row.id, purchase(training, row, None))
    if found is not None:
        log.warning("job %s is listed by the provider after all, as %s", row.id, found.id)
        return _cancel_if_asked(ledger, training, observe(ledger, row.id, found))
    ledger.move(
        row.id,
        State.CLOSED,
        only_from=(State.SUBMITTING, State.UNSETTLED),
        detail="closed by hand: nothing was created",
    )
    ledger.change(row.id, status=JobStatus.FAILED.value, raw_status="not created")
    return ledger.job(row.id)


def _cancel_if_asked(ledger: Ledger, training: Training, row: JobRow) -> JobRow:
    if row.cancel_requested and not row.status.final and row.remote_id is not None:
        id = row.remote_id
        patiently(row.instance, lambda: training.cancel(id))
        ledger.tell(row.id, "cancel sent", "it was asked for while the job was not found")
        return observe(ledger, row.id, patiently(row.instance, lambda: training.get(id)))
    return row
