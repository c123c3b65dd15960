"""A run whose trainer died, where the backend can start it again under the same id and at no new price."""

from __future__ import annotations

import logging

from ftkit.backend import JobStatus, Resume, Training
from ftkit.ledger import JobRow, Ledger
from ftkit.patience import patiently
from ftkit.submission.observing import observe

log = logging.getLogger("ftkit")


def goes_on_after_death(ledger: Ledger, training: Training, row: JobRow) -> bool:
    """True where a failed run was started again, by us or by somebody who was faster."""
    id = row.remote_id
    if row.status is not JobStatus.FAILED or not isinstance(training, Resume) or id is None:
        return False
    started = training.resume(id)
    now = observe(ledger, row.id, patiently(row.instance, lambda: training.get(id)))
    if started:
        ledger.tell(row.id, "resumed", "its trainer had died")
        log.info("job %s had died and goes on", row.id)
    return now.status not in (JobStatus.FAILED, JobStatus.CANCELLED)
