"""What the paid calls of a month have cost, or hold back of its budget: read from intents, jobs, batches and history.

    verb      counts in the month of   with
    create    its create               the provider's bill at its end, else the price that was accepted
    batch     its start                what its answers have cost, else the most that they can
    map       its first answer         what was answered, while it runs what the questions cost at least
    deploy    each hour                the price per hour, from its start until it was stopped; while it runs at least one
                                       hour, or all of the length that was stated

What was refused, or closed as never created, costs nothing; nor does a job that was taken up and not started here. What is
only prepared holds back its price.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from ftkit import clock
from ftkit.backend import JobStatus
from ftkit.errors import ConfigError
from ftkit.ledger.columns import as_intent, money
from ftkit.ledger.rows import Intent, State, Verb
from ftkit.ledger.sealing import Tables

_HOUR = Decimal(3600)
_RESERVED = (State.PREPARED, State.UPLOADING)


@dataclass(frozen=True, slots=True)
class Expense:
    """One paid call in one month, in USD.

    `quoted` is the price that was accepted (of a deployment: per hour), `billed` what it has cost once that is known,
    `usd` what it counts for; each None where no price is known. `reserved`: nothing was sent yet.
    """

    key: str
    verb: Verb
    instance: str
    subject: str
    at: str
    quoted: Decimal | None
    billed: Decimal | None
    usd: Decimal | None
    reserved: bool


def month_of(moment: datetime) -> tuple[datetime, datetime]:
    """The first moment of a calendar month in UTC, and that of the next."""
    start = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return start, (start + timedelta(days=32)).replace(day=1)


def month_named(name: str) -> datetime:
    """The first moment of a month written as `2026-11`; raises ConfigError."""
    try:
        return datetime.strptime(name, "%Y-%m").replace(tzinfo=UTC)
    except ValueError as error:
        raise ConfigError(f"{name!r} is not a month; write it as 2026-11") from error


def expenses_in(tables: Tables, moment: datetime) -> list[Expense]:
    """What counts in the month of `moment`, oldest first."""
    start, end = month_of(moment)
    found = tables.read(
        "intents",
        "WHERE verb = ? OR coalesce(sent_at, created_at) >= ? ORDER BY rowid",
        Verb.DEPLOY.value,
        start.isoformat(),
    )
    expenses = []
    for intent in map(as_intent, found):
        one = (
            _hosting(intent, _stated_end(tables, intent), start, end)
            if intent.verb is Verb.DEPLOY
            else _call(tables, intent, start, end)
        )
        if one is not None:
            expenses.append(one)
    return expenses


def _call(tables: Tables, intent: Intent, start: datetime, end: datetime) -> Expense | None:
    at = intent.sent_at or intent.created_at
    if not start <= datetime.fromisoformat(at) < end:
        return None
    if intent.verb is not Verb.MAP and intent.state is State.MADE and intent.sent_at is None:
        return None  # taken up from its provider: another ledger has paid for it
    billed = _billed(tables, intent)
    if intent.state is State.CLOSED and not billed:
        return None
    return _expense(intent, at, billed, intent.usd if billed is None else billed)


def _billed(tables: Tables, intent: Intent) -> Decimal | None:
    if intent.verb is Verb.MAP:
        where = "WHERE subject = ? AND what = 'answered' AND detail = ?"
        row = tables.one("history", where, intent.subject, intent.key)
        return None if row is None else money(row["usd"])
    if intent.verb is Verb.BATCH:
        row = tables.one("batches", "WHERE key = ?", intent.key)
        return None if row is None else money(row["cost_usd"])
    row = tables.one("jobs", "WHERE id = ?", intent.key)
    if row is None or not JobStatus(str(row["status"])).final:
        return None  # of one that runs a provider tells the cost so far
    return money(row["cost_usd"])


def _stated_end(tables: Tables, intent: Intent) -> datetime | None:
    """When a deployment is to end, where that was stated."""
    row = tables.one("deployments", "WHERE key = ?", intent.key)
    if row is None or row["until"] is None:
        return None
    return datetime.fromisoformat(str(row["until"]))


def _hosting(
    intent: Intent, stated: datetime | None, start: datetime, end: datetime
) -> Expense | None:
    begun = datetime.fromisoformat(intent.sent_at or intent.created_at)
    if intent.state in _RESERVED:
        usd = _hours(intent.usd, begun, stated) if stated is not None else intent.usd
        return _expense(intent, intent.created_at, None, usd) if begun >= start else None
    stopped = intent.state is State.CLOSED
    if stopped and intent.remote_id is None:
        return None
    until = datetime.fromisoformat(intent.updated_at) if stopped else clock.now()
    if stated is not None and not stopped:
        until = max(until, stated)  # it may run as long as that
    if until < start or begun >= end:
        return None
    cost = _hours(intent.usd, max(begun, start), min(until, end))
    open_ended = not stopped and stated is None
    counted = max(cost, intent.usd) if open_ended and cost is not None and intent.usd else cost
    return _expense(intent, max(begun, start).isoformat(), cost if stopped else None, counted)


def _hours(usd_per_hour: Decimal | None, begun: datetime, ended: datetime) -> Decimal | None:
    seconds = Decimal(str(max(0.0, (ended - begun).total_seconds())))
    return None if usd_per_hour is None else usd_per_hour * seconds / _HOUR


def _expense(intent: Intent, at: str, billed: Decimal | None, usd: Decimal | None) -> Expense:
    return Expense(
        intent.key,
        intent.verb,
        intent.instance,
        intent.subject,
        at,
        intent.usd,
        billed,
        usd,
        intent.state in _RESERVED,
    )
