"""Deployments that nobody stops any more: whoever used them was killed, or their stated length is over.

ftkit has no process of its own in the background, so the next command, or the next verb that pays, stops them. Never
touched: what a living process uses, what was deployed until it is stopped, and what this ledger did not start.
"""

from __future__ import annotations

import logging
import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from ftkit import clock
from ftkit.backend import Hosting, Running
from ftkit.config import Settings
from ftkit.errors import FtkitError
from ftkit.ledger import DeploymentRow, Ledger, State, deployments_at
from ftkit.models.starting import search_for
from ftkit.models.stopping import cost_since, stop
from ftkit.registry import hosting_of
from ftkit.secrets import redact
from ftkit.spending import held_for_life, if_nobody_does, parsed_key, same_account

log = logging.getLogger("ftkit")

_LOOKS_AGAIN_AFTER = timedelta(hours=1)  # for a start that its provider should have listed long ago
_TRIES_AGAIN_AFTER_S = 60.0  # within one process, whose every verb that pays comes by here
_failed_at: dict[tuple[Path, str], float] = {}
_MAY_RUN = (State.SUBMITTING, State.UNSETTLED, State.MADE)


def stop_left_behind(settings: Settings, *, but: str = "") -> None:
    """Stop what was left behind, but for deployments whose keys begin with `but`: their own verb sees to them.

    What is done, and what cannot be done, is a warning on the logger `ftkit`; nothing is raised.
    """
    for row in deployments_at(settings.home):
        this = (settings.home, row.intent.key)
        failed = _failed_at.get(this, -math.inf)
        if not due(row, clock.now()) or stem_in(row.intent.key) == but:
            continue
        if clock.monotonic() - failed < _TRIES_AGAIN_AFTER_S:
            continue
        try:
            _stop(row.intent.key, settings)
        except Exception as error:  # noqa: BLE001 - whatever a backend raises, the command has nothing to do with it
            told = isinstance(error, FtkitError)
            _failed(row, str(error) if told else f"{type(error).__name__}: {error}")
            _failed_at[this] = clock.monotonic()


def due(row: DeploymentRow, now: datetime) -> bool:
    """True where a deployment is to be stopped unless a living process uses it."""
    looked = row.looked_at
    if looked is not None and now < datetime.fromisoformat(looked) + _LOOKS_AGAIN_AFTER:
        return False
    return row.lasting.held or row.lasting.over(now)


def stem_in(key: str) -> str:
    """What all keys of the same deployment begin with."""
    return (parsed_key(key) or (key, 0))[0]


def why(row: DeploymentRow) -> str:
    """The reason for which it is stopped, as words."""
    if row.lasting.until is not None and row.lasting.over(clock.now()):
        return f"its time was over at {moment(row.lasting.until)}"
    return "nobody uses it any more, and it was not stopped"


def _stop(key: str, settings: Settings) -> None:
    """Stop one, unless somebody uses it, is at work on it or has just stopped it."""
    home = settings.home
    with if_nobody_does(home, stem_in(key)) as free:
        if not free:
            return
        with held_for_life(home, key) as unused:
            ledger = Ledger(home)
            row = ledger.deployments.get(key)
            if not unused or row is None or row.intent.state not in _MAY_RUN:
                return
            if due(row, clock.now()):
                _stop_unused(ledger, row, settings)


def _stop_unused(ledger: Ledger, row: DeploymentRow, settings: Settings) -> None:
    intent = row.intent
    backend, hosting = hosting_of(intent.instance, settings)
    same_account(f"the deployment {intent.key}", intent.scope, intent.instance, backend)
    listed = search_for(hosting, intent.instance, intent.subject, intent.key).find()
    ids = [running.id for running in listed]
    if intent.remote_id is not None and intent.remote_id not in ids:
        ids.append(intent.remote_id)
    if not ids:
        _missing(ledger, row, hosting)
        return
    for id in reversed(
        ids
    ):  # the last one closes the intent with its id: the oldest that is listed
        stop(ledger, hosting, intent.instance, id, intent.key if id == ids[0] else None, why(row))
    for id in ids:
        one = next((one for one in listed if one.id == id), None)
        log.warning("%s", _told(row, id, one, gone=one is None and _must_be_listed(row, hosting)))


def _must_be_listed(row: DeploymentRow, hosting: Hosting) -> bool:
    sent = datetime.fromisoformat(row.intent.sent_at or row.intent.created_at)
    return clock.now() >= sent + timedelta(seconds=hosting.listing_lag_s)


def _missing(ledger: Ledger, row: DeploymentRow, hosting: Hosting) -> None:
    """A start whose answer was lost, and that is not listed."""
    intent = row.intent
    sent = intent.sent_at or intent.created_at
    if not _must_be_listed(row, hosting):
        log.warning(
            "a deployment of %s may run since %s: its start was interrupted\n"
            "  it is not listed yet; the next ftkit command looks again",
            intent.subject,
            moment(sent),
        )
        return
    ledger.deployments.looked(intent.key)
    log.warning(
        "a deployment of %s may run since %s, for %s\n"
        "  the answer to its start was lost, and it is not listed\n"
        "  look again, or close it with --not-created: ftkit hosting settle %s",
        intent.subject,
        moment(sent),
        _rate(intent.usd),
        intent.key,
    )


def _told(row: DeploymentRow, id: str, listed: Running | None, *, gone: bool) -> str:
    intent = row.intent
    since = intent.sent_at or intent.created_at if listed is None else listed.since
    rate = intent.usd if listed is None or listed.usd_per_hour is None else listed.usd_per_hour
    cost = cost_since(since, rate)
    money = "price unknown" if cost is None else f"{cost:.2f} USD"
    if gone:
        return (
            f"{intent.instance}/{id} ({intent.subject}) has ended: {intent.instance} does not list it any more\n"
            f"  it has cost at most {money} since {moment(since)}"
        )
    return (
        f"stopped {intent.instance}/{id} ({intent.subject}): {why(row)}\n"
        f"  it has cost {money} since {moment(since)}"
    )


def _failed(row: DeploymentRow, reason: str) -> None:
    intent = row.intent
    what = f"{intent.instance}/{intent.remote_id}" if intent.remote_id else intent.key
    log.warning(
        "COULD NOT STOP %s (%s), which goes on costing money: %s\n  %s\n  it was to be stopped: %s\n"
        "  every ftkit command tries again; now: ftkit undeploy %s",
        what,
        intent.subject,
        _rate(intent.usd),
        redact(reason),
        why(row),
        what if intent.remote_id else intent.subject,
    )


def _rate(usd_per_hour: Decimal | None) -> str:
    return (
        "a price that is not known" if usd_per_hour is None else f"{usd_per_hour:.2f} USD an hour"
    )


def moment(iso: str) -> str:
    """An ISO time in UTC for people, to the minute."""
    return f"{datetime.fromisoformat(iso).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
