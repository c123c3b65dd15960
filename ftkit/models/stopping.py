"""The end of a deployment, and what it has cost until then."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from ftkit import clock
from ftkit.backend import Hosting
from ftkit.errors import FtkitError, ProviderError
from ftkit.ledger import Ledger, State
from ftkit.patience import patiently

_HOUR = 3600
_STARTED = (State.SUBMITTING, State.UNSETTLED, State.MADE)


def stop(
    ledger: Ledger, hosting: Hosting, instance: str, id: str, key: str | None, why: str = ""
) -> None:
    """Stop a deployment and close its intent, where this ledger has one; one that is stopped already is fine."""
    patiently(instance, lambda: hosting.stop(id))
    if key is not None:
        detail = f"stopped {id}{f': {why}' if why else ''}"
        ledger.move(key, State.CLOSED, only_from=_STARTED, remote_id=id, detail=detail)


def end(ledger: Ledger, hosting: Hosting, instance: str, id: str, key: str) -> None:
    """`stop` for who has started it; an error says that it goes on costing money."""
    try:
        stop(ledger, hosting, instance, id, key)
    except FtkitError as error:
        raise ProviderError(
            f"the deployment {id} was not stopped and goes on costing money ({error}); "
            f"`ftkit hosting stop {instance}/{id}` stops it"
        ) from error


def cost_since(since: str, usd_per_hour: Decimal | None, to: str | None = None) -> Decimal | None:
    """USD from an ISO time to another, or until now; None where the price per hour is not known."""
    if usd_per_hour is None:
        return None
    last = clock.now() if to is None else datetime.fromisoformat(to)
    seconds = max(0.0, (last - datetime.fromisoformat(since)).total_seconds())
    return usd_per_hour * Decimal(str(seconds)) / _HOUR
