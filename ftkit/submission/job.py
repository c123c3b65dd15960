"""The handle of a job, in whatever process it is asked for.

`phase` is how far our own part has come (ledger), `status` what the provider says now. Nothing here cancels a job but
`cancel()`: an interrupt or a time-out leaves it running.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from ftkit.backend import (
    Checkpoints,
    Download,
    Event,
    JobStatus,
    ModelRecord,
    Upload,
)
from ftkit.config import Settings
from ftkit.errors import NotFound, TrainingError
from ftkit.ledger import HistoryLine, JobRow, Ledger, Phase, State
from ftkit.models import Model
from ftkit.models.record import from_dict, to_dict
from ftkit.patience import patiently
from ftkit.registry import training_of
from ftkit.submission import watching
from ftkit.submission.cancelling import cancel_job
from ftkit.submission.checkpoints import JobCheckpoint, as_checkpoint
from ftkit.submission.going_on import go_on
from ftkit.submission.leftovers import delete_files, held, left
from ftkit.submission.observing import observe
from ftkit.submission.pausing import pause_job, resume_job
from ftkit.submission.records import before_the_end, frozen
from ftkit.submission.settling import settle_job


class Job:
    """One training job. Thread-safe; pickles as its id."""

    def __init__(
        self,
        id: str,
        settings: Settings,
        *,
        seen: JobRow | None = None,
        names: Sequence[str] | None = None,
    ) -> None:
        self.id = id
        self._settings = settings
        self._ledger = Ledger(settings.home)
        self._seen = seen
        self._names = names

    def __repr__(self) -> str:
        row = self.last_seen
        return f"<Job {self.id} {row.model} {row.status}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Job, (self.id, self._settings)

    @property
    def names(self) -> list[str]:
        """The names this job was submitted under."""
        return self._ledger.names(self.id) if self._names is None else list(self._names)

    @property
    def plan(self) -> dict[str, Any]:
        """The quote that the job was submitted with, as plain values."""
        return self._row.plan

    @property
    def phase(self) -> Phase:
        """prepared, uploading, submitting, unsettled, submitted or done."""
        return self._row.phase

    @property
    def status(self) -> JobStatus:
        """What the provider says now; raises nothing for a job that failed."""
        return self.refresh().status

    @property
    def raw_status(self) -> str:
        """The provider's own word for the status."""
        return self.refresh().raw_status

    @property
    def error(self) -> str | None:
        """Why the job failed, or None."""
        return self.refresh().error

    @property
    def cost_usd(self) -> Decimal | None:
        """USD so far: the provider's figure, else the quote's share of the steps done; None where unknown."""
        return watching.cost_so_far(self.refresh(), self.progress)

    @property
    def progress(self) -> tuple[int, int] | None:
        """(steps done, steps in all), where the provider tells."""
        row = self._row
        if row.remote_id is None:
            return None
        id, (_, training) = row.remote_id, training_of(row.instance, self._settings)
        return patiently(row.instance, lambda: training.get(id)).progress

    def silent_s(self) -> float | None:
        """Seconds without a new status, step or event, where it is over an hour; None for a job that lives or has ended."""
        return watching.silent_s(self.last_seen, self._ledger, self._settings)

    @property
    def last_seen(self) -> JobRow:
        """What the ledger knows, without asking the provider."""
        return self._seen or self._row

    def refresh(self) -> JobRow:
        """Ask the provider once and write what it says into the ledger."""
        self._seen = row = self._row
        if row.phase is not Phase.SUBMITTED or row.remote_id is None:
            return row
        id, (_, training) = row.remote_id, training_of(row.instance, self._settings)
        try:
            remote = patiently(row.instance, lambda: training.get(id))
        except NotFound as error:
            raise NotFound(
                f"{row.instance} has no job {id!r} for this account; job {row.id} was submitted as {row.scope}"
            ) from error
        self._seen = observe(self._ledger, row.id, remote)
        return self._seen

    def events(self, follow: bool = False, after: int = 0) -> Iterator[Event]:
        """Events in order; with `follow` until the job has ended and the last event was seen."""
        return watching.events(self, self._ledger, self._settings, follow, after)

    def metrics(self) -> list[dict[str, Any]]:
        """Numbers of every step and validation so far: step, loss, learning_rate, tokens, seconds and so on.

        A step that was made again after a crash stands there once, with its latest numbers.
        """
        latest = {
            (event.type, event.data.get("step")): {"type": event.type, **event.data}
            for event in self.events()
            if event.type in ("step", "validation")
        }
        return list(latest.values())

    def wait(self, timeout_s: float | None = None) -> Job:
        """Block until the job has ended, however it ended; JobTimeout leaves it running.

        An outage of the provider is waited through; a job that shows no sign of life is reported, with its cost.
        """
        watching.wait(self, self._ledger, self._settings, timeout_s)
        return self

    async def wait_async(self, timeout_s: float | None = None) -> Job:
        """`wait` without blocking the event loop; a cancelled task leaves the job running."""
        await watching.wait_async(self, self._ledger, self._settings, timeout_s)
        return self

    def cancel(self) -> None:
        """Ask the provider to stop the job; `status` tells when it has. One that is unsettled is stopped once found."""
        self.refresh()
        cancel_job(self.id, self._settings)

    def pause(self) -> None:
        """Ask the provider to let the job stand still; what it has done stays done, and billed.

        One that stands still or has ended stays as it is. CapabilityError where the backend cannot pause.
        """
        self._seen = pause_job(self.id, self._settings)

    def resume(self) -> None:
        """Let a paused job go on; one that runs stays as it is. Raises TrainingError for one that has ended.

        A trainer that died is started again by `go_on`, not by this.
        """
        self._seen = resume_job(self.id, self._settings)

    def settle(self, *, adopt: str | None = None, not_created: bool = False) -> Job:
        """Find out what became of a lost create.

        Looks by key; `adopt` binds the job to one of the provider by its id; `not_created` closes it, so that the same
        submission may start another. Raises OutcomeUnknown while it cannot be known.
        """
        settle_job(self.id, self._settings, adopt_id=adopt, not_created=not_created)
        return self

    def go_on(self) -> Job:
        """Finish a submission that was interrupted before anything was paid for, or resume a run whose trainer died."""
        go_on(self.id, self._settings)
        return self

    def history(self) -> list[HistoryLine]:
        """What was done for this job and when: intents, calls, money."""
        return self._ledger.history(self.id)

    def files(self) -> list[Upload]:
        """The job's files that lie at its provider, as far as this ledger knows; asks nobody."""
        return held(self._ledger, self._row)

    def left_behind(self) -> str:
        """What lies at the provider of a job that ended badly, and how to delete it, as the tail of a message; "" for nothing."""
        row = self._row
        return left(self._ledger, row, training_of(row.instance, self._settings)[0])

    def delete_files(self) -> list[Upload]:
        """Delete the files of a job that has ended or never began, and forget them: they are sent again if needed.

        Returns what was deleted. Refused while the job, or another one of this ledger that uses a file, is not over.
        """
        return delete_files(self.id, self._settings)

    def checkpoints(self) -> list[JobCheckpoint]:
        """States of the model that the provider kept, oldest first: each has `step`, `metrics` and `model()`.

        CapabilityError where the backend keeps none.
        """
        row = self._made("checkpoints")
        id, (backend, training) = row.remote_id or "", training_of(row.instance, self._settings)
        if not isinstance(training, Checkpoints):
            raise backend.refuse("checkpoints")
        kept = patiently(row.instance, lambda: training.checkpoints(id))
        if not kept:
            return []
        ended = self.refresh().status is JobStatus.SUCCEEDED
        record = self.record() if ended else before_the_end(row, backend)
        return [as_checkpoint(one, record, self._settings) for one in kept]

    def download(self, folder: str | Path) -> Path:
        """Copy the trained weights into `folder`; CapabilityError where they cannot leave the provider."""
        row = self._made("download")
        id, (backend, training) = row.remote_id or "", training_of(row.instance, self._settings)
        if not isinstance(training, Download):
            raise backend.refuse("download")
        return patiently(row.instance, lambda: training.download(id, Path(folder)))

    def record(self) -> ModelRecord:
        """What is frozen with the trained model; raises TrainingError where there is none."""
        row = self.refresh()
        if row.record is not None:
            return from_dict(row.record)
        if row.status is not JobStatus.SUCCEEDED or row.remote_id is None:
            raise TrainingError(
                f"job {self.id} has no model: {row.status}"
                + (f", {row.error}" if row.error else "")
                + self.left_behind()
            )
        id, (_, training) = row.remote_id, training_of(row.instance, self._settings)
        result = patiently(row.instance, lambda: training.result(id))
        record = from_dict({**to_dict(result), **frozen(row)})
        self._ledger.change(self.id, record=json.dumps(to_dict(record)))
        return record

    def model(self) -> Model:
        """The handle of the trained model."""
        return Model(self.record(), self._settings)

    @property
    def _row(self) -> JobRow:
        return self._ledger.job(self.id)

    def _made(self, what: str) -> JobRow:
        row = self._row
        if row.state is not State.MADE:
            raise TrainingError(f"job {self.id} has no {what}: it is {row.phase}")
        return row
