"""What became of a paid call whose answer was lost: look again, bind it to a provider's job, or close it."""

from __future__ import annotations

import logging

from ftkit.backend import JobStatus, Training
from ftkit.config import Settings
from ftkit.errors import ConfigError, FtkitError, NotFound
from ftkit.ledger import JobRow, Ledger, State
from ftkit.patience import patiently
from ftkit.registry import training_of
from ftkit.spending import adopt, look, one_at_a_time, same_account, settle
from ftkit.submission.cancelling import cancel_if_asked
from ftkit.submission.creating import close_refused, purchase
from ftkit.submission.observing import observe

log = logging.getLogger("ftkit")


def settle_row(ledger: Ledger, training: Training, row: JobRow) -> JobRow:
    """Look for an open job by its key; raises OutcomeUnknown while it cannot be known. A cancel that waited is sent."""
    try:
        remote = settle(ledger, row.id, purchase(ledger, training, row))
    except FtkitError as error:
        close_refused(ledger, row.id, error)
        raise
    return cancel_if_asked(ledger, training, observe(ledger, row.id, remote))


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
    adopt(ledger, row.id, purchase(ledger, training, row), [remote], "bound by hand")
    return cancel_if_asked(ledger, training, observe(ledger, row.id, remote))


def _close(ledger: Ledger, training: Training, row: JobRow) -> JobRow:
    found = look(ledger, row.id, purchase(ledger, training, row))
    if found is not None:
        log.warning("job %s is listed by the provider after all, as %s", row.id, found.id)
        return cancel_if_asked(ledger, training, observe(ledger, row.id, found))
    ledger.move(
        row.id,
        State.CLOSED,
        only_from=(State.SUBMITTING, State.UNSETTLED),
        detail="closed by hand: nothing was created",
    )
    ledger.change(row.id, status=JobStatus.FAILED.value, raw_status="not created")
    return ledger.job(row.id)
