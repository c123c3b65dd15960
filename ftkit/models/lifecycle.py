"""How long a model answers: the day on which its base is switched off, told in time and refused once it has come."""

from __future__ import annotations

import logging
from datetime import date, timedelta

from ftkit import clock
from ftkit.backend import Backend, ModelRecord
from ftkit.errors import LifecycleError

log = logging.getLogger("ftkit")

_WARNED_FROM = timedelta(days=60)
_warned: set[str] = set()


def ends_on(record: ModelRecord, backend: Backend) -> date | None:
    """The first day on which the model does not answer any more; None where no such day is known.

    A tuned model ends with its base, or on a day of its own where the catalogue has it.
    """
    days = [
        facts.shutdown
        for name in (record.native, record.base, record.snapshot)
        if (facts := backend.catalogue.model(name)) is not None and facts.shutdown is not None
    ]
    return min(days, default=None)


def still_there(record: ModelRecord, backend: Backend) -> None:
    """Raise LifecycleError for a model that is gone; warn once about one that goes within 60 days."""
    end = ends_on(record, backend)
    if end is None:
        return
    today = clock.now().date()
    facts = backend.catalogue.model(record.base) or backend.catalogue.model(record.snapshot)
    basis = f" ({facts.basis})" if facts is not None else ""
    instead = "" if facts is None else facts.instead
    if today >= end:
        raise LifecycleError(
            f"{record.id} is gone: its base was switched off on {end}{basis}{instead}"
        )
    if end - today <= _WARNED_FROM and record.id not in _warned:
        _warned.add(record.id)
        log.warning(
            "%s answers until %s, %d more days%s%s",
            record.id,
            end - timedelta(days=1),
            (end - today).days,
            basis,
            instead,
        )
