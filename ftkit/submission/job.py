"""The handle of a job, in whatever process it is asked for.

`phase` is how far our own part has come (ledger), `status` what the provider says now. Nothing here cancels a job but
`cancel()`: an interrupt or a time-out leaves it running.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from ftkit import clock
from ftkit.backend import Event, JobStatus, ModelRecord, Remote, Training
from ftkit.config import Settings
from ftkit.errors import JobTimeout, TrainingError
from ftkit.ledger import JobRow, Ledger, Phase
from ftkit.models import Model
from ftkit.models.record import from_dict, to_dict
from ftkit.registry import open_backend

POLL_S = 0.5


class Job:
    """One training job. Thread-safe; pickles as its id."""

    def __init__(self, id: str, settings: Settings) -> None:
        self.id = id
        self._settings = settings
        self._ledger = Ledger(settings.home)

    def __repr__(self) -> str:
        row = self._row
        return f"<Job {self.id} {row.plan.get('model')} {row.status}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Job, (self.id, self._settings)

    @property
    def names(self) -> list[str]:
        """The names this job was submitted under."""
        return self._ledger.names(self.id)

    @property
    def plan(self) -> dict[str, Any]:
        """The quote that the job was submitted with, as plain values."""
        return dict(self._row.plan)

    @property
    def phase(self) -> Phase:
        """prepared, submitting, submitted or done."""
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
    def progress(self) -> tuple[int, int] | None:
        """(steps done, steps in all), where the provider tells."""
        row = self._row
        return self._training.get(row.remote_id).progress if row.remote_id else None

    def refresh(self) -> JobRow:
        """Ask the provider once and write what it says into the ledger."""
        row = self._row
        if row.phase is Phase.DONE or row.remote_id is None:
            return row
        observe(self._ledger, row.id, self._training.get(row.remote_id))
        return self._row

    def events(self, follow: bool = False, after: int = 0) -> Iterator[Event]:
        """Events in order; with `follow` until the job has ended and the last event was seen."""
        while True:
            row = self.refresh()
            if row.remote_id is not None:
                for event in self._training.events(row.remote_id, after):
                    after = event.id
                    yield event
            if not follow or row.status.final:
                return
            clock.sleep(POLL_S)

    def metrics(self) -> list[dict[str, Any]]:
        """Numbers of every step and validation so far: step, loss, learning_rate, tokens, seconds and so on."""
        return [
            {"type": event.type, **event.data}
            for event in self.events()
            if event.type in ("step", "validation")
        ]

    def wait(self, timeout_s: float | None = None) -> Job:
        """Block until the job has ended, however it ended; JobTimeout leaves it running."""
        deadline = None if timeout_s is None else clock.monotonic() + timeout_s
        while not self.refresh().status.final:
            self._not_late(deadline, timeout_s)
            clock.sleep(POLL_S)
        return self

    async def wait_async(self, timeout_s: float | None = None) -> Job:
        """`wait` without blocking the event loop."""
        deadline = None if timeout_s is None else clock.monotonic() + timeout_s
        while not (await asyncio.to_thread(self.refresh)).status.final:
            self._not_late(deadline, timeout_s)
            await asyncio.sleep(POLL_S)
        return self

    def cancel(self) -> None:
        """Ask the provider to stop the job; `status` tells when it has."""
        row = self.refresh()
        if row.remote_id is not None and not row.status.final:
            self._training.cancel(row.remote_id)

    def record(self) -> ModelRecord:
        """What is frozen with the trained model; raises TrainingError where there is none."""
        row = self.refresh()
        if row.record is not None:
            return from_dict(row.record)
        if row.status is not JobStatus.SUCCEEDED or row.remote_id is None:
            raise TrainingError(
                f"job {self.id} has no model: {row.status}"
                + (f", {row.error}" if row.error else "")
            )
        record = self._training.result(row.remote_id)
        self._ledger.advance(self.id, record=to_dict(record))
        return record

    def model(self) -> Model:
        """The handle of the trained model."""
        return Model(self.record(), self._settings)

    @property
    def _row(self) -> JobRow:
        return self._ledger.job(self.id)

    @property
    def _training(self) -> Training:
        backend = open_backend(self._row.instance, self._settings)
        if backend.training is None:
            raise backend.refuse("training")
        return backend.training

    def _not_late(self, deadline: float | None, timeout_s: float | None) -> None:
        if deadline is not None and clock.monotonic() >= deadline:
            raise JobTimeout(
                f"job {self.id} is still {self._row.status} after {timeout_s:g} s; it goes on"
            )


def observe(ledger: Ledger, id: str, remote: Remote) -> None:
    """Write a provider's view of a job into the ledger."""
    ledger.advance(
        id,
        phase=Phase.DONE if remote.status.final else Phase.SUBMITTED,
        status=remote.status,
        raw_status=remote.raw_status,
        remote_id=remote.id,
        error=remote.error,
    )
