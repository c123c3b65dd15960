"""Going on with a job: a submission whose process died before anything was paid for, or a run whose trainer died."""

from __future__ import annotations

from ftkit.backend import JobStatus, Training
from ftkit.config import Settings
from ftkit.errors import TrainingError
from ftkit.ledger import JobRow, Ledger, State
from ftkit.registry import training_of
from ftkit.spending import MonthlyBudget, one_at_a_time, same_account
from ftkit.submission.attempts import found_meanwhile
from ftkit.submission.creating import create
from ftkit.submission.resuming import goes_on_after_death


def go_on(id: str, settings: Settings) -> JobRow:
    """Finish an interrupted submission from the ledger and the spool alone, or start a dead run again.

    A job that needs neither stays as it is. Raises TrainingError for a failed job that cannot go on.
    """
    ledger = Ledger(settings.home)
    row = ledger.job(id)
    with one_at_a_time(settings.home, row.stem):
        row = ledger.job(id)
        unfinished = row.state in (State.PREPARED, State.UPLOADING)
        if not unfinished and row.status is not JobStatus.FAILED:
            return row
        backend, training = training_of(row.instance, settings)
        same_account(f"job {row.id}", row.scope, row.instance, backend)
        if not unfinished:
            return _after_death(ledger, training, row)
        row = found_meanwhile(ledger, training, row)
        if row.state is State.MADE:
            return row
        # what it holds back ends with the month in which it was prepared
        MonthlyBudget(ledger, settings.monthly_budget_usd).before(row.model or row.id, row.usd)
        return create(ledger, backend, training, row)


def _after_death(ledger: Ledger, training: Training, row: JobRow) -> JobRow:
    if not goes_on_after_death(ledger, training, row):
        raise TrainingError(
            f"job {row.id} has failed and cannot go on; submit the same data again for the next attempt"
        )
    return ledger.job(row.id)
