"""Every deployment that may cost money: what the providers list, and what this ledger has started beside that."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from ftkit import clock
from ftkit.backend import Hosting, Running
from ftkit.config import Settings
from ftkit.errors import AuthError, FtkitError, NotFound, NotInstalled, StorageError
from ftkit.ledger import DeploymentRow, Ledger, State, Verb
from ftkit.models.left_behind import stem_in
from ftkit.models.starting import search_for
from ftkit.models.stopping import cost_since, stop
from ftkit.patience import patiently
from ftkit.registry import backend_names, hosting_of, open_backend
from ftkit.spending import in_use, look, one_at_a_time, same_account, scope_of, unknown

log = logging.getLogger("ftkit")


class DeploymentStatus(StrEnum):
    """How a deployment stands.

    in_use        a living process uses it, and sees to its end
    running       until its time is over, or until it is stopped
    abandoned     nobody uses it any more, and it was not stopped: the next ftkit command stops it
    overdue       its time is over: the next ftkit command stops it
    unsettled     it may run: the answer to its start was lost
    unlisted      this ledger has started it, and its provider does not list it: not yet, or not any more
    foreign       it runs, and this ledger has not started it
    stopped       it has been stopped just now
    """

    IN_USE = "in_use"
    RUNNING = "running"
    ABANDONED = "abandoned"
    OVERDUE = "overdue"
    UNSETTLED = "unsettled"
    UNLISTED = "unlisted"
    FOREIGN = "foreign"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployment that runs, or may run. `id` is the provider's, None while the answer to its start is lost.

    `key` is ours, None where this ledger did not start it. Times are ISO: `until` is the end that was stated, None where
    there is none, and `provider_until` when the provider itself stops it.
    """

    instance: str
    model: str
    id: str | None
    key: str | None
    usd_per_hour: Decimal | None
    since: str
    status: DeploymentStatus
    _settings: Settings = field(repr=False, compare=False)
    until: str | None = None
    provider_until: str | None = None
    stopped_at: str | None = None

    @property
    def cost_usd(self) -> Decimal | None:
        """USD from its start until now, or until it was stopped; None where the price per hour is not known."""
        return cost_since(self.since, self.usd_per_hour, self.stopped_at)

    def stop(self) -> Deployed:
        """Stop it, whoever started or uses it; NotFound while it has no id. Returned with what it has cost."""
        if self.id is None:
            raise NotFound(
                f"the deployment {self.key} has no id yet; `ftkit hosting settle {self.key}` looks for it"
            )
        _, hosting = hosting_of(self.instance, self._settings)
        stop(Ledger(self._settings.home), hosting, self.instance, self.id, self.key)
        at = clock.now().isoformat()
        return replace(self, status=DeploymentStatus.STOPPED, stopped_at=at)

    def settle(self, *, not_created: bool = False) -> Deployed | None:
        """Look for one that has no id, see `settle_deployment`; one that has is returned as it is."""
        if self.id is not None or self.key is None:
            return self
        return settle_deployment(self.key, self._settings, not_created=not_created)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "id": self.id,
            "model": f"{self.instance}/{self.model}",
            "key": self.key,
            "status": str(self.status),
            "usd_per_hour": None if self.usd_per_hour is None else str(self.usd_per_hour),
            "since": self.since,
            "until": self.until,
            "provider_until": self.provider_until,
            "stopped_at": self.stopped_at,
            "cost_usd": None if self.cost_usd is None else str(self.cost_usd),
        }


def list_deployments(settings: Settings, provider: str | None = None) -> list[Deployed]:
    """Of one provider, or of every one that is installed, configured or in this ledger; each account once.

    A provider that cannot be asked is an error where it is named, else a warning.
    """
    ours = Ledger(settings.home).deployments.may_run()
    if provider is not None:
        backend, hosting = hosting_of(provider, settings)
        return list(_of(provider, scope_of(provider, backend), hosting, ours, settings))
    found: list[Deployed] = []
    accounts: set[str] = set()
    used = {*settings.providers, *(row.intent.instance for row in ours)}
    for instance in sorted({*backend_names(), *used}):
        try:
            backend = open_backend(instance, settings)
            if backend.hosting is None or (scope := scope_of(instance, backend)) in accounts:
                continue
            found += _of(instance, scope, backend.hosting, ours, settings)
            accounts.add(scope)
        except (AuthError, NotInstalled) as error:
            if instance in used:
                log.warning("%s was not asked for deployments: %s", instance, error)
        except FtkitError as error:
            log.warning("%s could not be asked for deployments: %s", instance, error)
    return found


def settle_deployment(
    key: str, settings: Settings, *, not_created: bool = False
) -> Deployed | None:
    """Look for a deployment whose start was lost, until the provider must list it; nothing is started.

    Raises OutcomeUnknown where it is not listed, unless `not_created` says that the provider's own page shows none: then
    it is closed. None for one that does not run.
    """
    ledger = Ledger(settings.home)
    with one_at_a_time(settings.home, stem_in(key)):
        intent = ledger.intent(key)
        if intent is None or intent.verb is not Verb.DEPLOY:
            raise NotFound(f"there is no deployment {key!r} in {ledger.path}")
        backend, hosting = hosting_of(intent.instance, settings)
        same_account(f"the deployment {key}", intent.scope, intent.instance, backend)
        search = search_for(hosting, intent.instance, intent.subject, key)
        if intent.state.open and look(ledger, key, search) is None:
            if not not_created:
                ledger.move(key, State.UNSETTLED, only_from=(State.SUBMITTING, State.UNSETTLED))
                raise unknown(key, search, "its answer was lost, and the provider does not list it")
            ledger.move(
                key,
                State.CLOSED,
                only_from=(State.SUBMITTING, State.UNSETTLED),
                detail="closed by hand: nothing was started",
            )
    return next(
        (one for one in list_deployments(settings, intent.instance) if one.key == key), None
    )


def as_deployed(
    instance: str, running: Running, row: DeploymentRow | None, settings: Settings
) -> Deployed:
    """A deployment that a provider shows, with what this ledger knows of it."""
    return Deployed(
        instance,
        running.model,
        running.id,
        None if row is None else row.intent.key,
        running.usd_per_hour,
        running.since,
        DeploymentStatus.FOREIGN if row is None else _status(row, settings),
        settings,
        None if row is None else row.lasting.until,
        running.until,
    )


def _of(
    instance: str, scope: str, hosting: Hosting, ours: list[DeploymentRow], settings: Settings
) -> Iterator[Deployed]:
    """What the provider lists, then what is in the ledger and not listed."""
    here = [row for row in ours if row.intent.instance == instance or row.intent.scope == scope]
    by_id = {row.intent.remote_id: row for row in here if row.intent.remote_id is not None}
    left = {row.intent.key: row for row in here}
    by_key = {key: row for key, row in left.items() if row.intent.state.open}
    for running in patiently(instance, hosting.running):
        row = by_key.get(running.key or "") or by_id.get(running.id)
        if row is not None:
            left.pop(row.intent.key, None)
        yield as_deployed(instance, running, row, settings)
    for row in left.values():
        yield _unlisted(row, hosting.listing_lag_s, settings)


def _unlisted(row: DeploymentRow, listing_lag_s: float, settings: Settings) -> Deployed:
    """In use as long as its start is under way or may not be listed yet; then it has ended, whoever believes to use it."""
    intent, status = row.intent, _status(row, settings)
    sent = datetime.fromisoformat(intent.sent_at or intent.created_at)
    fresh = intent.state.open or clock.now() <= sent + timedelta(seconds=listing_lag_s)
    if status is not DeploymentStatus.IN_USE or not fresh:
        lost = intent.state.open
        status = DeploymentStatus.UNSETTLED if lost else DeploymentStatus.UNLISTED
    return Deployed(
        intent.instance,
        intent.subject.removeprefix(f"{intent.instance}/"),
        intent.remote_id,
        intent.key,
        intent.usd,
        intent.sent_at or intent.created_at,
        status,
        settings,
        row.lasting.until,
    )


def _status(row: DeploymentRow, settings: Settings) -> DeploymentStatus:
    key = row.intent.key
    try:
        used = in_use(settings.home, stem_in(key), key)
    except StorageError:  # a home that cannot be written to: who uses it cannot be told
        used = row.lasting.held
    if used:
        return DeploymentStatus.IN_USE
    if row.lasting.over(clock.now()):
        return DeploymentStatus.OVERDUE
    return DeploymentStatus.ABANDONED if row.lasting.held else DeploymentStatus.RUNNING
