"""Waiting for a batch, which may take a day: seldom and seldomer, through outages, until its end or the caller's.

The deadline is judged after one more look, so a laptop that slept does not give up on a batch that has ended meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from ftkit import clock
from ftkit.backend import Unavailable
from ftkit.config import Settings
from ftkit.errors import JobTimeout, OutcomeUnknown, ProviderError
from ftkit.ledger import BatchRow, Ledger, State
from ftkit.models.batch_settling import batching_at, left_behind

if TYPE_CHECKING:
    from ftkit.models.batched import Batch

_LONGEST_PAUSE_S = 60.0
_SHARE_OF_THE_WAIT = 0.05  # who has waited for an hour looks every minute

log = logging.getLogger("ftkit")


def wait(batch: Batch, ledger: Ledger, settings: Settings, timeout_s: float | None) -> None:
    """Block until the batch has ended."""
    watch = _Watch(batch, settings, timeout_s)
    with left_behind(ledger, batch.key):
        while not watch.ended():
            clock.sleep(watch.pause_s)


async def wait_async(
    batch: Batch, ledger: Ledger, settings: Settings, timeout_s: float | None
) -> None:
    """`wait` without blocking the event loop."""
    watch = await asyncio.to_thread(_Watch, batch, settings, timeout_s)
    with left_behind(ledger, batch.key):
        while not await asyncio.to_thread(watch.ended):
            await clock.sleep_async(watch.pause_s)


def not_ended(row: BatchRow) -> ProviderError | OutcomeUnknown:
    """Why there are no answers (yet)."""
    if row.state.open:
        return OutcomeUnknown(
            f"batch {row.key} may have been started and may be billed, and is not known to have started; look for it with "
            f"`ftkit batches settle {row.key}`"
        )
    if row.state is not State.MADE:
        return ProviderError(f"batch {row.key} was prepared and never sent; the same call sends it")
    return ProviderError(
        f"batch {row.key} is still {row.status}, {row.done:,} of {row.request['rows']:,} answered; wait() waits for it"
    )


class _Watch:
    """One process's watch over one batch."""

    def __init__(self, batch: Batch, settings: Settings, timeout_s: float | None) -> None:
        self._batch = batch
        self._timeout_s = timeout_s
        self._began = clock.monotonic()
        self._out_of_reach = False
        self._poll_s = batching_at(batch.last_seen.instance, settings).poll_s
        self.pause_s = self._poll_s

    def ended(self) -> bool:
        """Look once; JobTimeout where there is no time for another look, and an error where there is nothing to wait for."""
        waited, wish = clock.monotonic() - self._began, 0.0
        try:
            row = self._batch.refresh()
            self._out_of_reach = False
        except Unavailable as error:
            row, wish = self._batch.last_seen, error.retry_after_s or 0.0
            if not self._out_of_reach:
                log.warning("%s; the batch goes on there, and is looked at again", error)
            self._out_of_reach = True
        if row.state is State.CLOSED or (row.state is State.MADE and row.status.final):
            return True
        if row.state is not State.MADE:
            raise not_ended(row)
        if self._timeout_s is not None and waited >= self._timeout_s:
            raise JobTimeout(
                f"batch {row.key} is still {row.status} after {self._timeout_s:g} s; it goes on"
            )
        self.pause_s = max(wish, self._poll_s, min(_LONGEST_PAUSE_S, waited * _SHARE_OF_THE_WAIT))
        if self._timeout_s is not None:
            self.pause_s = min(self.pause_s, self._timeout_s - waited)
        return False
