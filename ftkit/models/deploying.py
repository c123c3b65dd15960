"""A deployment for as long as it is used: started through the spending gate, stopped at the end, never started twice."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from decimal import Decimal

from ftkit import clock
from ftkit.backend import Backend, Hosting, ModelRecord, Running
from ftkit.config import Settings
from ftkit.errors import BudgetError, FtkitError, ProviderError
from ftkit.ledger import Intent, Ledger, State, Verb, new_intent
from ftkit.patience import patiently
from ftkit.spending import (
    Limit,
    MonthlyBudget,
    Purchase,
    Search,
    adopt,
    affordable,
    attempt_key,
    digest,
    held_for_life,
    look,
    one_at_a_time,
    parsed_key,
    scope_of,
    settle,
    spend,
    stem_of,
    tightest,
)

log = logging.getLogger("ftkit")

_HOUR = 3600
_STARTED = (State.SUBMITTING, State.UNSETTLED, State.MADE)


class Deployment:
    """A running deployment and the money that it may cost."""

    def __init__(self, running: Running, usd_per_hour: Decimal | None, limit: Limit | None) -> None:
        self.running = running
        self.usd_per_hour = usd_per_hour
        self._limit = limit

    @property
    def cost_usd(self) -> Decimal | None:
        """USD so far; None where the price per hour is not known."""
        return cost_since(self.running.since, self.usd_per_hour)

    def within_budget(self) -> None:
        """Raise BudgetError once the deployment has cost more than it may."""
        cost = self.cost_usd
        if self._limit is not None and cost is not None and cost > self._limit.usd:
            raise BudgetError(
                f"the deployment {self.running.id} has cost {cost:.2f} USD, more than {self._limit}; "
                f"leave the with block, which stops it"
            )


@contextmanager
def deployment(
    record: ModelRecord,
    backend: Backend,
    settings: Settings,
    *,
    max_cost_usd: Decimal | None,
    allow_unpriced: bool,
) -> Iterator[Deployment | None]:
    """A deployment of the model, or None where it answers without one."""
    hosting = backend.hosting
    rate = None if hosting is None else hosting.rate_key(record)
    if hosting is None or rate is None:
        yield None
        return
    per_hour = backend.catalogue.rates[rate].usd
    affordable(
        f"one hour of {record.id}", per_hour, limit=max_cost_usd, allow_unpriced=allow_unpriced
    )
    ledger = Ledger(settings.home)
    scope = scope_of(record.instance, backend)
    stem = stem_of(digest({"deploy": record.native, "scope": scope}))
    month = MonthlyBudget(ledger, settings.monthly_budget_usd)
    with ExitStack() as used:
        with one_at_a_time(settings.home, stem):
            key, running = _started(ledger, month, hosting, record, scope, stem, per_hour)
            # taken before anybody else can find the deployment: else the finder would stop it
            ours = used.enter_context(held_for_life(settings.home, key))
        if not ours:
            log.info("%s is deployed by another process, which stops it", record.id)
        try:
            yield Deployment(
                running, per_hour, tightest(max_cost_usd, _left(month, running, per_hour))
            )
        finally:
            if ours:
                _end(ledger, hosting, record.instance, running.id, key)


def stop(ledger: Ledger, hosting: Hosting, instance: str, id: str, key: str | None) -> None:
    """Stop a deployment and close its intent, where this ledger has one."""
    patiently(instance, lambda: hosting.stop(id))
    if key is not None:
        ledger.move(key, State.CLOSED, only_from=_STARTED, detail=f"stopped {id}")


def _end(ledger: Ledger, hosting: Hosting, instance: str, id: str, key: str) -> None:
    try:
        stop(ledger, hosting, instance, id, key)
    except FtkitError as error:
        raise ProviderError(
            f"the deployment {id} was not stopped and goes on costing money ({error}); "
            f"`ftkit hosting stop {instance}/{id}` stops it"
        ) from error


def cost_since(since: str, usd_per_hour: Decimal | None) -> Decimal | None:
    """USD from an ISO time until now; None where the price per hour is not known."""
    if usd_per_hour is None:
        return None
    seconds = max(0.0, (clock.now() - datetime.fromisoformat(since)).total_seconds())
    return usd_per_hour * Decimal(str(seconds)) / _HOUR


def _left(month: MonthlyBudget, running: Running, per_hour: Decimal | None) -> Limit | None:
    """What the deployment may cost in all: what it has, at least the first hour, and what is left beside that."""
    return month.left(
        max(cost_since(running.since, per_hour) or Decimal(0), per_hour or Decimal(0))
    )


def _started(
    ledger: Ledger,
    month: MonthlyBudget,
    hosting: Hosting,
    record: ModelRecord,
    scope: str,
    stem: str,
    per_hour: Decimal | None,
) -> tuple[str, Running]:
    """The deployment that runs already under one of our keys, or a new one."""
    known = [i for i in ledger.intents(verb=Verb.DEPLOY) if i.key.startswith(stem)]
    attempt = 1
    if known:
        last = known[-1]
        attempt = (parsed_key(last.key) or (stem, 1))[1]
        bought = _purchase(hosting, record, last.key)
        if last.state.open:
            return last.key, settle(ledger, last.key, bought)
        if last.state is State.PREPARED:
            month.before(f"one hour of {record.id}", per_hour)
            return last.key, _found_or_new(ledger, last.key, bought)
        if last.state is State.MADE:
            # until it must be listed: one that was started a moment ago is not stopped for being unlisted
            there = look(ledger, last.key, bought)
            if there is not None:
                log.info("%s is deployed already, since %s", record.id, there.since)
                return last.key, there
            ledger.move(last.key, State.CLOSED, only_from=(State.MADE,), detail="was stopped")
        attempt += 1
    key = attempt_key(stem, attempt)
    ledger.prepare(
        _intent(key, record, scope, per_hour),
        may=month.reserving(f"one hour of {record.id}", per_hour),
    )
    return key, _found_or_new(ledger, key, _purchase(hosting, record, key))


def _found_or_new(ledger: Ledger, key: str, bought: Purchase[Running]) -> Running:
    there = bought.find()
    return (
        adopt(ledger, key, bought, there, "runs already") if there else spend(ledger, key, bought)
    )


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


def _purchase(hosting: Hosting, record: ModelRecord, key: str) -> Purchase[Running]:
    search = search_for(hosting, record.instance, record.id, key)
    return Purchase(
        what=search.what,
        find=search.find,
        id_of=search.id_of,
        listing_lag_s=search.listing_lag_s,
        settle_hint=search.settle_hint,
        send=lambda: hosting.start(record, key),
        idempotent=hosting.idempotent_start,
    )


def _intent(key: str, record: ModelRecord, scope: str, per_hour: Decimal | None) -> Intent:
    return new_intent(
        key, Verb.DEPLOY, instance=record.instance, scope=scope, subject=record.id, usd=per_hour
    )
