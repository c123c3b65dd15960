"""Which attempt at a piece of work a submission is: the one to attach to, or the next one.

    the last attempt                    a submission
    prepared, uploading                 goes on with it
    submitting, unsettled               settles it first
    running, paused or succeeded        attaches to it (force_new: next attempt)
    failed, its run can go on           lets it go on, where the backend can
    failed, cancelled, never created    next attempt

The key of the next attempt is looked for at the provider before it is created: another machine, or this one with its
ledger lost, may have been first.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from ftkit import clock
from ftkit.backend import JobStatus, Remote, Training
from ftkit.cost import Quote
from ftkit.errors import ConfigError
from ftkit.ledger import Expense, JobRow, Ledger, State, Verb, new_intent, new_job
from ftkit.patience import patiently
from ftkit.spending import adopt, attempt_key, stem_of
from ftkit.submission.creating import completed, find, purchase
from ftkit.submission.observing import observe, status_of
from ftkit.submission.resuming import goes_on_after_death
from ftkit.submission.settling import settle_row

log = logging.getLogger("ftkit")

_OVER = (JobStatus.FAILED, JobStatus.CANCELLED)
_ATTEMPTS = 99


def attempt_at(
    ledger: Ledger,
    training: Training,
    plan: Quote,
    work: str,
    scope: str,
    request: Mapping[str, Any],
    *,
    force_new: bool,
    before_new: Callable[[], None],
    may: Callable[[Sequence[Expense]], None] | None,
) -> JobRow:
    """The job to go on with, written as *prepared* where it is new; `before_new` and `may` refuse that by raising."""
    stem = stem_of(work)
    known = ledger.attempts(stem)
    if not known:
        return _next(ledger, training, plan, work, scope, request, 1, force_new, before_new, may)
    last = known[-1]
    completed(ledger, last, plan, request, work)
    if last.state in (State.PREPARED, State.UPLOADING):
        last = found_meanwhile(ledger, training, last)
        if last.state is not State.MADE:
            before_new()
        return last
    if last.state.open and not force_new:
        last = settle_row(ledger, training, last)
    elif last.state is State.MADE and not last.status.final and last.remote_id is not None:
        id = last.remote_id
        last = observe(ledger, last.id, patiently(last.instance, lambda: training.get(id)))
    if last.state is State.MADE and not force_new:
        if last.status not in _OVER:
            log.info("attached to job %s, which does the same work: %s", last.id, last.status)
            return ledger.job(last.id)
        if goes_on_after_death(ledger, training, last):
            return ledger.job(last.id)
    return _next(
        ledger, training, plan, work, scope, request, last.attempt + 1, force_new, before_new, may
    )


def is_there(ledger: Ledger, plan: Quote, record: Mapping[str, Any]) -> bool:
    """True where this ledger has a job of the same work that runs or has succeeded, as far as it knows; asks nobody."""
    if not ledger.path.exists():  # looking must not make one
        return False
    settings = plan.resolved.hyperparameters.given()
    wanted = _plain({"record": record, "hyperparameters": settings, "steps": plan.resolved.steps})
    return any(
        row.instance == plan.instance
        and row.state is State.MADE
        and row.status not in _OVER
        and plan.data_sha256 in row.request_json
        and wanted == {name: row.request.get(name) for name in wanted}
        for row in ledger.jobs()
    )


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """As the ledger gives it back."""
    return dict(json.loads(json.dumps(values)))


def found_meanwhile(ledger: Ledger, training: Training, row: JobRow) -> JobRow:
    """A prepared job again; where somebody else has created it since, it is adopted."""
    remotes = _known_to_provider(ledger, training, row.instance, row.id)
    if not remotes:
        return row
    adopt(ledger, row.id, purchase(ledger, training, row), remotes, "created elsewhere")
    return observe(ledger, row.id, remotes[0])


def _next(
    ledger: Ledger,
    training: Training,
    plan: Quote,
    work: str,
    scope: str,
    request: Mapping[str, Any],
    attempt: int,
    force_new: bool,
    before_new: Callable[[], None],
    may: Callable[[Sequence[Expense]], None] | None,
) -> JobRow:
    """A new attempt, or one that the provider knows and this ledger does not."""
    stem = stem_of(work)
    while attempt <= _ATTEMPTS:
        key = attempt_key(stem, attempt)
        remotes = _known_to_provider(ledger, training, plan.instance, key)
        if remotes and (force_new or status_of(remotes[0]) in _OVER):
            attempt += 1
            continue
        found = remotes[0] if remotes else None
        if found is None:
            before_new()
        values = plan.to_dict()
        intent = new_intent(
            key,
            Verb.CREATE,
            instance=plan.instance,
            scope=scope,
            subject=key,
            usd=plan.usd if plan.paid else None,
            state=State.MADE if found else State.PREPARED,
            remote_id=found.id if found else None,
        )
        job = new_job(
            intent,
            stem=stem,
            fingerprint=work,
            attempt=attempt,
            plan=values,
            request=request,
        )
        ledger.prepare(intent, job, may=None if found else may)
        if found is not None:
            log.info("job %s is at the provider already, as %s: attached", key, found.id)
            ledger.tell(key, "attached", f"the provider has it as {found.id}, with our key")
            return observe(ledger, key, found)
        return ledger.job(key)
    raise ConfigError(
        f"there are {_ATTEMPTS} attempts at this work already; change the seed to start another"
    )


def _known_to_provider(ledger: Ledger, training: Training, instance: str, key: str) -> list[Remote]:
    """Jobs with this key; where the ledger was lost a moment ago, until they must be listed."""
    while True:
        remotes = find(training, instance, key)
        rebuilt = ledger.rebuilt_at
        if remotes or rebuilt is None:
            return remotes
        left = rebuilt + timedelta(seconds=training.listing_lag_s) - clock.now()
        if left <= timedelta(0):
            return remotes
        clock.sleep(min(left.total_seconds(), 15.0))
