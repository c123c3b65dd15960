"""Following a job: polling that survives outages, sleep and clock jumps, and notices when nothing moves any more.

Deadlines count on the monotonic clock and are judged after one more look, so a laptop that slept neither makes up for
missed polls nor gives up on a job that has ended meanwhile. Life is judged by evidence (status, steps, events), not by
the word "running".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from ftkit import clock
from ftkit.backend import Event, JobStatus, Unavailable
from ftkit.config import Settings
from ftkit.errors import FtkitError, JobTimeout, OutcomeUnknown, TrainingError
from ftkit.ledger import JobRow, Ledger, Phase, State
from ftkit.patience import patiently
from ftkit.registry import training_of
from ftkit.secrets import redact, redact_all
from ftkit.submission.evidence import Evidence
from ftkit.submission.interrupts import explained
from ftkit.words import shortened

if TYPE_CHECKING:
    from ftkit.submission.job import Job

STALLED_AFTER_S = 3600.0

log = logging.getLogger("ftkit")


class _Watch:
    """One process's watch over one job: when to look again, and what was said already."""

    def __init__(
        self, job: Job, ledger: Ledger, settings: Settings, timeout_s: float | None = None
    ) -> None:
        self._job = job
        self._ledger = ledger
        self._settings = settings
        self._timeout_s = timeout_s
        self._deadline = None if timeout_s is None else clock.monotonic() + timeout_s
        self._out_of_reach = False
        self._said_stalled: str | None = None
        self._said_paused = False
        _, self.training = training_of(job.last_seen.instance, settings)
        self.pause_s = self.training.poll_s

    def look(self) -> JobRow | None:
        """The job now, or None where the provider is out of reach: then it is looked at again later."""
        self.pause_s = self.training.poll_s
        try:
            row = self._job.refresh()
        except Unavailable as error:
            if not self._out_of_reach:
                log.warning("%s; the job goes on there, and is looked at again", error)
            self._out_of_reach = True
            self.pause_s = max(self.pause_s, error.retry_after_s or 0.0)
            return None
        if self._out_of_reach:
            log.info("%s answers again", row.instance)
        self._out_of_reach = False
        self._report_stall(row)
        self._report_pause(row)
        return row

    def ended(self, row: JobRow | None) -> bool:
        """True where there is nothing to wait for; raises for a job that was never sent, or may have been."""
        if row is None:
            return False
        if row.state.open:
            raise OutcomeUnknown(
                f"job {row.id} is {row.phase}, may be billed, and is not known to have started; "
                f"look for it with `ftkit job settle {row.id}`"
            )
        if row.state in (State.PREPARED, State.UPLOADING):
            raise TrainingError(
                f"job {row.id} was prepared and never sent; `ftkit job go-on {row.id}` sends it"
            )
        return row.phase is Phase.DONE

    def not_late(self) -> None:
        """Raise JobTimeout once the deadline has passed."""
        if self._deadline is not None and clock.monotonic() >= self._deadline:
            raise JobTimeout(
                f"job {self._job.id} is still {self._job.last_seen.status} after {self._timeout_s:g} s; it goes on"
            )

    def _report_pause(self, row: JobRow) -> None:
        paused = row.status is JobStatus.PAUSED
        if paused and not self._said_paused:
            log.warning("job %s is paused; `ftkit job resume %s` lets it go on", row.id, row.id)
        self._said_paused = paused

    def _report_stall(self, row: JobRow) -> None:
        silent = silent_s(row, self._ledger, self._settings)
        if silent is None or self._said_stalled == row.evidence_at:
            return
        self._said_stalled = row.evidence_at
        usd = cost_so_far(row, None)
        cost = "" if usd is None else f", {usd:.2f} USD so far"
        log.warning(
            "job %s shows no sign of life for %d min: it says %s, and there is no new step or event%s",
            row.id,
            silent / 60,
            row.raw_status,
            cost,
        )
        self._ledger.tell(row.id, "no sign of life", f"{silent / 60:.0f} min", usd)


def wait(job: Job, ledger: Ledger, settings: Settings, timeout_s: float | None) -> None:
    """Block until the job has ended."""
    watch = _Watch(job, ledger, settings, timeout_s)
    with explained(lambda: ledger.job(job.id)):
        while not watch.ended(watch.look()):
            watch.not_late()
            clock.sleep(watch.pause_s)


async def wait_async(job: Job, ledger: Ledger, settings: Settings, timeout_s: float | None) -> None:
    """`wait` without blocking the event loop."""
    watch = await asyncio.to_thread(_Watch, job, ledger, settings, timeout_s)
    with explained(lambda: ledger.job(job.id)):
        while not watch.ended(await asyncio.to_thread(watch.look)):
            watch.not_late()
            await clock.sleep_async(watch.pause_s)


def events(
    job: Job, ledger: Ledger, settings: Settings, follow: bool, after: int
) -> Iterator[Event]:
    """Events above `after`; with `follow` until the job has ended and its last event was seen."""
    watch = _Watch(job, ledger, settings)
    while True:
        with explained(lambda: ledger.job(job.id)):
            row = watch.look() if follow else job.refresh()
            ended = watch.ended(row) if follow else True
            fresh: list[Event] = []
            if row is not None and row.remote_id is not None:
                id, since = row.remote_id, after
                try:
                    fresh = patiently(row.instance, lambda: list(watch.training.events(id, since)))  # noqa: B023
                except Unavailable:
                    if not follow:
                        raise
                    ended = False  # the next look says that the provider is out of reach
        for event in fresh:
            after = event.id
            said = shortened(redact(event.message))
            yield replace(event, message=said, data=redact_all(event.data))
        if ended:
            return
        with explained(lambda: ledger.job(job.id)):
            clock.sleep(watch.pause_s)


def silent_s(row: JobRow, ledger: Ledger, settings: Settings) -> float | None:
    """Seconds without any evidence of life, where that is longer than an hour; a new event is evidence too.

    A paused job is meant to be silent.
    """
    if row.phase is not Phase.SUBMITTED or row.remote_id is None or row.status is JobStatus.PAUSED:
        return None
    now = clock.now()
    silent = (now - datetime.fromisoformat(row.evidence_at)).total_seconds()
    if silent < STALLED_AFTER_S:
        return None
    id, (_, training) = row.remote_id, training_of(row.instance, settings)
    seen = Evidence.parsed(row.evidence)
    try:
        fresh = patiently(row.instance, lambda: list(training.events(id, seen.event)))
    except FtkitError as error:
        log.debug("events of %s cannot be read: %s", row.id, error)
        return silent
    newest = max((event.id for event in fresh), default=seen.event)
    if newest == seen.event:
        return silent
    ledger.change(row.id, evidence=str(replace(seen, event=newest)), evidence_at=now.isoformat())
    return None


def cost_so_far(row: JobRow, progress: tuple[int, int] | None) -> Decimal | None:
    """USD: the provider's own figure, or the quote's share of the steps done."""
    if row.cost_usd is not None or row.usd is None:
        return row.cost_usd
    if row.status.final or progress is None:
        return row.usd
    done, steps = progress
    return (row.usd * done / steps).quantize(Decimal("0.0001")) if steps else Decimal(0)
