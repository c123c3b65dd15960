"""A deployment for as long as it is used: started through the spending gate, stopped at the end, never started twice."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal

from ftkit import clock
from ftkit.backend import Backend, ModelRecord, Running
from ftkit.config import Settings
from ftkit.errors import BudgetError, FtkitError
from ftkit.ledger import Lasting
from ftkit.models.left_behind import moment, stop_left_behind
from ftkit.models.starting import Site, Started, priced, site_of, started
from ftkit.models.stopping import cost_since, end
from ftkit.spending import (
    Limit,
    MonthlyBudget,
    affordable,
    held_for_life,
    one_at_a_time,
    tightest,
)

log = logging.getLogger("ftkit")


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


@dataclass(frozen=True, slots=True)
class Held:
    """A deployment that is used. `ours`: no other living process uses it; `lasting` is how long it is to last."""

    started: Started
    lasting: Lasting
    ours: bool


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
    found = priced(record, backend)
    if found is None:
        yield None
        return
    hosting, per_hour = found
    what = f"one hour of {record.id}"
    affordable(what, per_hour, limit=max_cost_usd, allow_unpriced=allow_unpriced)
    site = site_of(record, backend, hosting, per_hour, settings)
    stop_left_behind(settings, but=site.stem)
    with held(site, Lasting(held=True), what, per_hour) as used:
        running = used.started.running
        limit = None  # for one that was paid for apart, and that leaving the block does not stop
        if used.lasting.held:
            limit = tightest(max_cost_usd, _left(site.month, running, per_hour))
        yield Deployment(running, per_hour, limit)


@contextmanager
def held(site: Site, lasting: Lasting, what: str, usd: Decimal | None) -> Iterator[Held]:
    """Use a deployment, and stop it at the end unless somebody else has said how long it lasts, or uses it too."""
    with ExitStack() as used:
        with one_at_a_time(site.home, site.stem):
            made = started(site, lasting, what, usd)
            # taken before anybody else can find the deployment: else the finder would stop it
            ours = used.enter_context(held_for_life(site.home, made.key))
            meant = _taken_over(site, made, lasting) if ours else _lasting(site, made, lasting)
        if not ours:
            log.info("%s is used by another process, which sees to its end", site.record.id)
        try:
            yield Held(made, meant, ours)
        finally:
            if ours:
                _end_unless_it_lasts(site, made, meant)


def _taken_over(site: Site, made: Started, wanted: Lasting) -> Lasting:
    """How long a deployment lasts that no living process uses: as is wanted now, unless a length was stated."""
    present = _lasting(site, made, wanted)
    if made.new:
        return wanted
    since = moment(made.running.since)
    if present.held or present.over(clock.now()):
        log.info("%s is deployed already, since %s", site.record.id, since)
        site.ledger.deployments.last(made.key, wanted)
        return wanted
    until = "it is stopped" if present.until is None else moment(present.until)
    log.info("%s is deployed already, since %s and until %s", site.record.id, since, until)
    return present


def _end_unless_it_lasts(site: Site, made: Started, meant: Lasting) -> None:
    with one_at_a_time(site.home, site.stem):  # else somebody could ask for a longer life meanwhile
        present = _lasting(site, made, meant)
        if present.held or present.over(clock.now()):
            end(site.ledger, site.hosting, site.record.instance, made.running.id, made.key)


def _lasting(site: Site, made: Started, otherwise: Lasting) -> Lasting:
    """How long it lasts by the ledger; `otherwise` where that cannot be read, which is no reason to let it run."""
    try:
        row = site.ledger.deployments.get(made.key)
    except FtkitError:
        return otherwise
    return otherwise if row is None else row.lasting


def _left(month: MonthlyBudget, running: Running, per_hour: Decimal | None) -> Limit | None:
    """What the deployment may cost in all: what it has, at least the first hour, and what is left beside that."""
    return month.left(
        max(cost_since(running.since, per_hour) or Decimal(0), per_hour or Decimal(0))
    )
