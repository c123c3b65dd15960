"""One deployment of a model: the one that runs already, or a new one; never two.

the last attempt         what is done
prepared                 looked for, then started: nothing was sent yet
submitting, unsettled    settled first
made, and listed         attached to
made, not listed         was stopped: the next attempt
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from ftkit.backend import Backend, Hosting, ModelRecord, Running
from ftkit.config import Settings
from ftkit.ledger import Lasting, Ledger, State, Verb, new_intent
from ftkit.patience import patiently
from ftkit.spending import (
    MonthlyBudget,
    Purchase,
    Search,
    adopt,
    attempt_key,
    digest,
    look,
    parsed_key,
    scope_of,
    settle,
    spend,
    stem_of,
)

log = logging.getLogger("ftkit")


@dataclass(frozen=True, slots=True)
class Site:
    """A model that answers from a deployment, on one account, and the ledger that pays."""

    record: ModelRecord
    hosting: Hosting
    scope: str
    usd_per_hour: Decimal | None
    ledger: Ledger
    month: MonthlyBudget
    home: Path

    @property
    def stem(self) -> str:
        """What the keys of all its deployments begin with."""
        return stem_of(digest({"deploy": self.record.native, "scope": self.scope}))


@dataclass(frozen=True, slots=True)
class Started:
    """A deployment that runs under `key`. `new`: this call has started it."""

    key: str
    running: Running
    new: bool


def priced(record: ModelRecord, backend: Backend) -> tuple[Hosting, Decimal | None] | None:
    """The Hosting of a model and its USD per hour; None for one that answers without a deployment."""
    hosting = backend.hosting
    rate = None if hosting is None else hosting.rate_key(record)
    if hosting is None or rate is None:
        return None
    return hosting, backend.catalogue.rates[rate].usd


def site_of(
    record: ModelRecord,
    backend: Backend,
    hosting: Hosting,
    usd_per_hour: Decimal | None,
    settings: Settings,
) -> Site:
    """Where a model is deployed; may read the network once for the account."""
    ledger = Ledger(settings.home)
    return Site(
        record,
        hosting,
        scope_of(record.instance, backend),
        usd_per_hour,
        ledger,
        MonthlyBudget(ledger, settings.monthly_budget_usd),
        settings.home,
    )


def started(site: Site, lasting: Lasting, what: str, usd: Decimal | None) -> Started:
    """The deployment that runs already under one of our keys, or a new one, which is to last so long.

    Hold the lock of `site.stem`. `usd` is what a new one is certain to cost, `what` says for how long.
    """
    ledger, record = site.ledger, site.record
    known = [i for i in ledger.intents(verb=Verb.DEPLOY) if i.key.startswith(site.stem)]
    attempt = 1
    if known:
        last = known[-1]
        attempt = (parsed_key(last.key) or (site.stem, 1))[1]
        bought = _purchase(site, last.key)
        if last.state.open:
            return Started(last.key, settle(ledger, last.key, bought), new=False)
        if last.state is State.PREPARED:
            site.month.before(what, usd)
            ledger.deployments.last(last.key, lasting)
            return _found_or_new(site, last.key, bought)
        if last.state is State.MADE:
            # until it must be listed: one that was started a moment ago is not stopped for being unlisted
            there = look(ledger, last.key, bought)
            if there is not None:
                return Started(last.key, there, new=False)
            ledger.move(last.key, State.CLOSED, only_from=(State.MADE,), detail="was stopped")
        attempt += 1
    key = attempt_key(site.stem, attempt)
    intent = new_intent(
        key,
        Verb.DEPLOY,
        instance=record.instance,
        scope=site.scope,
        subject=record.id,
        usd=site.usd_per_hour,
    )
    ledger.prepare(intent, lasting=lasting, may=site.month.reserving(what, usd))
    return _found_or_new(site, key, _purchase(site, key))


def search_for(hosting: Hosting, instance: str, model: str, key: str) -> Search[Running]:
    """How a deployment with this key is found; a provider that ignores the filter lists others too."""

    def find() -> list[Running]:
        return [
            one for one in patiently(instance, lambda: hosting.find(key)) if one.key in (None, key)
        ]

    return Search(
        what=f"the deployment of {model}",
        find=find,
        id_of=lambda running: running.id,
        listing_lag_s=hosting.listing_lag_s,
        settle_hint=(
            f"The same call, or `ftkit hosting settle {key}`, looks again; where the provider's own page shows "
            f"that there is none, `--not-created`"
        ),
    )


def _found_or_new(site: Site, key: str, bought: Purchase[Running]) -> Started:
    there = bought.find()
    if not there:
        return Started(key, spend(site.ledger, key, bought), new=True)
    # another ledger has started it, and it is that one's to say how long it lasts; written before it is taken for ours
    site.ledger.deployments.last(key, Lasting())
    adopted = adopt(site.ledger, key, bought, there, "runs already")
    log.warning(
        "%s is deployed already, and not by this ledger: it is left running; `ftkit undeploy %s/%s` stops it",
        site.record.id,
        site.record.instance,
        adopted.id,
    )
    return Started(key, adopted, new=False)


def _purchase(site: Site, key: str) -> Purchase[Running]:
    search = search_for(site.hosting, site.record.instance, site.record.id, key)
    return Purchase(
        what=search.what,
        find=search.find,
        id_of=search.id_of,
        listing_lag_s=search.listing_lag_s,
        settle_hint=search.settle_hint,
        send=lambda: site.hosting.start(site.record, key),
        idempotent=site.hosting.idempotent_start,
    )
