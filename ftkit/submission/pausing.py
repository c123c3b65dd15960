"""Letting a job stand still and go on. Both can be asked for again: a backend looks first, so a lost answer costs nothing.

Going on after a pause has nothing to do with a trainer that died (`going_on`): a paused job is well.
"""

from __future__ import annotations

from ftkit.backend import JobStatus, Pause
from ftkit.config import Settings
from ftkit.errors import OutcomeUnknown, TrainingError
from ftkit.ledger import JobRow, Ledger, State
from ftkit.patience import patiently
from ftkit.registry import training_of
from ftkit.submission.observing import observe


def pause_job(id: str, settings: Settings) -> JobRow:
    """Ask for a job to stand still; one that does, or has ended, stays as it is. CapabilityError where it cannot."""
    return _ask(id, settings, "pause")


def resume_job(id: str, settings: Settings) -> JobRow:
    """Let a paused job go on; one that runs stays as it is. Raises TrainingError for one that has ended."""
    return _ask(id, settings, "resume")


def _ask(id: str, settings: Settings, verb: str) -> JobRow:
    ledger = Ledger(settings.home)
    row = ledger.job(id)
    backend, training = training_of(row.instance, settings)
    if not isinstance(training, Pause):
        raise backend.refuse("pause")
    remote_id = row.remote_id
    if row.state.open:
        raise OutcomeUnknown(
            f"job {id} is {row.phase}, and there is nothing to {verb} until it is found: `ftkit job settle {id}`"
        )
    if row.state is not State.MADE or remote_id is None:
        raise TrainingError(f"job {id} was not started, so there is nothing to {verb}")
    row = observe(ledger, id, patiently(row.instance, lambda: training.get(remote_id)))
    if row.status.final:
        if verb == "resume":
            raise TrainingError(
                f"job {id} is not paused, it has ended: {row.status}; the same submission again is the next attempt, and "
                f"`ftkit job go-on {id}` starts a dead trainer of this machine again"
            )
        return row
    if (row.status is JobStatus.PAUSED) == (verb == "pause"):
        return row
    ledger.tell(id, f"{verb} requested")
    act = training.pause if verb == "pause" else training.unpause
    patiently(row.instance, lambda: act(remote_id))
    return observe(ledger, id, patiently(row.instance, lambda: training.get(remote_id)))
