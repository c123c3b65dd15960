"""Every deployment that may cost money: what the providers list, and what this ledger has started without an answer."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ftkit.backend import Backend, Hosting
from ftkit.config import Settings
from ftkit.errors import AuthError, FtkitError, NotFound, NotInstalled
from ftkit.ledger import Intent, Ledger, State, Verb
from ftkit.models.deploying import cost_since, search_for, stop
from ftkit.patience import patiently
from ftkit.registry import backend_names, hosting_of, open_backend
from ftkit.spending import look, one_at_a_time, parsed_key, same_account, scope_of, unknown

log = logging.getLogger("ftkit")


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployment that runs, or may run. `id` is the provider's, None while the answer to its start is lost.

    `key` is ours, None where this ledger did not start it; `since` is ISO time.
    """

    instance: str
    model: str
    id: str | None
    key: str | None
    usd_per_hour: Decimal | None
    since: str
    _settings: Settings = field(repr=False, compare=False)

    @property
    def cost_usd(self) -> Decimal | None:
        """USD since its start; None where the price per hour is not known."""
        return cost_since(self.since, self.usd_per_hour)

    def stop(self) -> None:
        """Stop it, whoever started or uses it; NotFound while it has no id."""
        if self.id is None:
            raise NotFound(
                f"the deployment {self.key} has no id yet; `ftkit hosting settle {self.key}` looks for it"
            )
        _, hosting = hosting_of(self.instance, self._settings)
        stop(Ledger(self._settings.home), hosting, self.instance, self.id, self.key)

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
            "usd_per_hour": None if self.usd_per_hour is None else str(self.usd_per_hour),
            "since": self.since,
            "cost_usd": None if self.cost_usd is None else str(self.cost_usd),
        }


def list_deployments(settings: Settings, provider: str | None = None) -> list[Deployed]:
    """Of one provider, or of every one that is installed, configured or in this ledger; each account once.

    A provider that cannot be asked is an error where it is named, else a warning.
    """
    ledger = Ledger(settings.home)
    ours = [i for i in ledger.intents(verb=Verb.DEPLOY) if i.state.open or i.state is State.MADE]
    if provider is not None:
        backend, hosting = hosting_of(provider, settings)
        return list(_of(provider, backend, hosting, ours, settings))
    found: list[Deployed] = []
    accounts: set[str] = set()
    used = {*settings.providers, *(intent.instance for intent in ours)}
    for instance in sorted({*backend_names(), *used}):
        try:
            backend = open_backend(instance, settings)
            if backend.hosting is None or (scope := scope_of(instance, backend)) in accounts:
                continue
            found += _of(instance, backend, backend.hosting, ours, settings)
            accounts.add(scope)
        except (AuthError, NotInstalled) as error:
            if instance in used:
                log.warning("%s was not asked for deployments: %s", instance, error)
        except FtkitError as error:
            log.warning("%s could not be asked for deployments: %s", instance, error)
    return found


def stop_deployment(which: str, settings: Settings) -> Deployed:
    """Stop the deployment `provider/id`; raises NotFound for one that does not run."""
    instance, _, id = which.partition("/")
    running = list_deployments(settings, instance)
    for one in running:
        if one.id == id:
            one.stop()
            return one
    known = ", ".join(one.id for one in running if one.id is not None) or "none"
    raise NotFound(f"{instance} runs no deployment {id!r}; running: {known}")


def settle_deployment(
    key: str, settings: Settings, *, not_created: bool = False
) -> Deployed | None:
    """Look for a deployment whose start was lost, until the provider must list it; nothing is started.

    Raises OutcomeUnknown where it is not listed, unless `not_created` says that the provider's own page shows none: then
    it is closed. None for one that does not run.
    """
    ledger = Ledger(settings.home)
    with one_at_a_time(settings.home, (parsed_key(key) or (key, 0))[0]):
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


def _of(
    instance: str, backend: Backend, hosting: Hosting, ours: list[Intent], settings: Settings
) -> Iterator[Deployed]:
    """What the provider lists, then what is open in the ledger and not listed."""
    keys = {intent.remote_id: intent.key for intent in ours if intent.instance == instance}
    open_ = {i.key: i for i in ours if i.instance == instance and i.state.open}
    for running in patiently(instance, hosting.running):
        key = running.key if running.key in open_ else keys.get(running.id)
        open_.pop(running.key or "", None)
        yield Deployed(
            instance, running.model, running.id, key, running.usd_per_hour, running.since, settings
        )
    for intent in open_.values():
        native = intent.subject.removeprefix(f"{instance}/")
        since = intent.sent_at or intent.created_at
        yield Deployed(instance, native, None, intent.key, intent.usd, since, settings)
