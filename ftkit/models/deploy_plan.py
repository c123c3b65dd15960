"""A deployment for a stated length: its price first, then started once, attached to, or given a longer life.

Nothing waits in the background for its end: the first ftkit command after it stops the deployment (`left_behind`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from ftkit import clock
from ftkit.backend import Backend, ModelRecord
from ftkit.config import Settings
from ftkit.errors import BudgetError, CapabilityError, ConfigError
from ftkit.ledger import DeploymentRow, Lasting, State
from ftkit.models.deploying import Held, held
from ftkit.models.hosted import Deployed, DeploymentStatus, as_deployed, list_deployments
from ftkit.models.left_behind import moment, stem_in, stop_left_behind
from ftkit.models.starting import Site, Started, priced, site_of, started
from ftkit.models.stopping import cost_since
from ftkit.spending import affordable, held_for_life, one_at_a_time

_LONGEST_HOURS = 10 * 366 * 24
_OVER = (DeploymentStatus.ABANDONED, DeploymentStatus.OVERDUE)


class Done(StrEnum):
    """What a deploy has done."""

    STARTED = "started"
    ATTACHED = "attached"
    EXTENDED = "extended"


@dataclass(frozen=True, slots=True)
class DeployPlan:
    """What a deployment will cost, before anything is started.

    `hours` is None where it is to run until it is stopped; then it lasts until it has cost `max_cost_usd`, if that is set.
    """

    site: Site
    settings: Settings
    hours: Decimal | None
    max_cost_usd: Decimal | None
    extend: bool

    @property
    def until(self) -> str | None:
        """The end of one that is started now, ISO time; None where only a person ends it."""
        return self._end(clock.now())

    @property
    def usd(self) -> Decimal | None:
        """USD that it can cost; of one that only a person ends, its first hour."""
        rate, hours = self.site.usd_per_hour, self.hours or self._affordable_hours or Decimal(1)
        return None if rate is None else rate * hours

    @property
    def what(self) -> str:
        """The length and the model, as words."""
        hours = self.hours or self._affordable_hours or Decimal(1)
        return f"{in_hours(hours)} of {self.site.record.id}"

    @property
    def _affordable_hours(self) -> Decimal | None:
        rate = self.site.usd_per_hour
        if self.max_cost_usd is None or not rate:
            return None
        return min(self.max_cost_usd / rate, Decimal(_LONGEST_HOURS))

    def _end(self, begun: datetime) -> str | None:
        """The end of one that has begun then, if it begins or is lengthened now."""
        hours, start = self.hours, clock.now()
        if hours is None:
            hours, start = self._affordable_hours, begun
        if hours is None:
            return None
        return (start + timedelta(hours=float(hours))).isoformat(timespec="seconds")

    def there(self) -> Deployed | None:
        """The deployment that this would attach to. Reads only."""
        stem = self.site.stem
        for one in list_deployments(self.settings, self.site.record.instance):
            if one.key is not None and stem_in(one.key) == stem:
                return one
        return None

    def starts_or_extends(self, there: Deployed | None) -> bool:
        """True where carrying it out costs more than what runs already."""
        return there is None or self.extend or there.status in _OVER

    def carry_out(self) -> tuple[Deployed, Done]:
        """Start it, or attach to the one that runs; it outlives this process."""
        site, wanted = self.site, Lasting(self.until)  # from now on, not from when it was planned
        stop_left_behind(self.settings, but=site.stem)
        with one_at_a_time(site.home, site.stem):
            made = started(site, wanted, self.what, self.usd)
            row = site.ledger.deployments.get(made.key)
            done = Done.STARTED if made.new else self._attached(made, row)
            row = site.ledger.deployments.get(made.key)
        # looked at when our own lock is free again: else everything would seem to be in use
        return as_deployed(site.record.instance, made.running, row, self.settings), done

    @contextmanager
    def held(self) -> Iterator[Held]:
        """The same for as long as the block lasts, and at the longest for its length."""
        stop_left_behind(self.settings, but=self.site.stem)
        lasting = Lasting(self.until, held=True)
        with held(self.site, lasting, self.what, self.usd) as used:
            yield used

    def seconds_left(self, made: Started) -> float:
        """How long one that is held is to be held still; 0 once it is stopped, or lasts without whoever holds it."""
        row = self.site.ledger.deployments.get(made.key)
        if row is None or row.intent.state is not State.MADE or not row.lasting.held:
            return 0
        if row.lasting.until is None:
            return math.inf
        return (datetime.fromisoformat(row.lasting.until) - clock.now()).total_seconds()

    def goes_on(self, made: Started) -> bool:
        """True where it runs, by the ledger."""
        row = self.site.ledger.deployments.get(made.key)
        return row is not None and row.intent.state is State.MADE

    def cost(self, made: Started) -> Decimal | None:
        """USD until it was stopped, or until now."""
        row = self.site.ledger.deployments.get(made.key)
        closed = row is not None and row.intent.state is State.CLOSED
        to = row.intent.updated_at if row is not None and closed else None
        return cost_since(made.running.since, self.site.usd_per_hour, to)

    def _attached(self, made: Started, row: DeploymentRow | None) -> Done:
        """What is done with one that runs: nothing, unless nobody stops it any more or a longer life is asked for."""
        if row is None:
            return Done.ATTACHED
        present, now = row.lasting, clock.now()
        wanted = Lasting(self._end(datetime.fromisoformat(made.running.since)))
        with held_for_life(self.site.home, made.key) as unused:
            left = unused and (present.held or present.over(now))
        longer = present.held or _later(wanted.until, present.until)
        if not left and not (self.extend and longer):
            return Done.ATTACHED
        self._extend(made, present, wanted, now)
        return Done.EXTENDED

    def _extend(self, made: Started, present: Lasting, wanted: Lasting, now: datetime) -> None:
        """Let it last as long as is wanted, where that fits into the budgets."""
        site, rate = self.site, self.site.usd_per_hour
        limit, end = self.max_cost_usd, max(wanted.until or "", now.isoformat())
        so_far, in_all = (cost_since(made.running.since, rate, to) for to in (None, end))
        if limit is not None and in_all is not None and in_all > limit:
            raise BudgetError(
                f"{site.record.id} has cost {so_far:.2f} USD since {moment(made.running.since)}; until {moment(end)} that "
                f"would be {in_all:.2f}, more than max_cost_usd={limit}"
            )
        paid_until = now
        if present.until is not None:
            paid_until = max(now, datetime.fromisoformat(present.until))
        more = self.usd
        if wanted.until is not None:
            more = cost_since(paid_until.isoformat(), rate, wanted.until)
        may = site.month.reserving(self.what, more)
        site.ledger.deployments.last(made.key, wanted, may=may)


def planned_deployment(
    record: ModelRecord,
    backend: Backend,
    settings: Settings,
    *,
    hours: Decimal | float | str | None,
    until_stopped: bool,
    max_cost_usd: Decimal | None,
    allow_unpriced: bool,
    extend: bool,
) -> DeployPlan:
    """The plan, where it fits into the budgets; starts nothing.

    Raises ConfigError without a length, CapabilityError for a model that answers without a deployment, BudgetError.
    """
    length = _hours(hours, until_stopped=until_stopped)
    found = priced(record, backend)
    if found is None:
        raise CapabilityError(
            f"{record.id} answers without a deployment: there is nothing to start"
        )
    hosting, rate = found
    what = f"{'one hour' if length is None else in_hours(length)} of {record.id}"
    usd = None if rate is None else rate * (1 if length is None else length)
    affordable(what, usd, limit=max_cost_usd, allow_unpriced=allow_unpriced)
    site = site_of(record, backend, hosting, rate, settings)
    return DeployPlan(site, settings, length, max_cost_usd, extend)


def in_hours(hours: Decimal) -> str:
    """`2 hours`."""
    return "one hour" if hours == 1 else f"{hours.normalize():f} hours"


def _later(wanted: str | None, present: str | None) -> bool:
    if present is None:
        return False
    return wanted is None or datetime.fromisoformat(wanted) > datetime.fromisoformat(present)


def _hours(hours: Decimal | float | str | None, *, until_stopped: bool) -> Decimal | None:
    if (hours is None) != until_stopped:
        raise ConfigError(
            "say for how long: hours=2 (--hours 2), or until_stopped=True (--until-stopped) to stop it yourself"
            if hours is None
            else "pass hours= or until_stopped=True, not both"
        )
    if hours is None:
        return None
    try:
        length = Decimal(str(hours))
    except InvalidOperation:
        length = Decimal(0)
    if not length.is_finite() or not 0 < length <= _LONGEST_HOURS:
        raise ConfigError(f"hours is a number above 0 and at most {_LONGEST_HOURS}; got {hours!r}")
    return length
