"""From many questions to exactly one batch of answers.

    the last attempt                        the same call again
    prepared, uploading                     goes on with it
    submitting, unsettled                   settles it first
    queued, running, ended with answers     attaches to it
    ended without any, never created        next attempt

What is refused is refused before anything is sent, and does not stand in the way of a batch that is there. The key of an
attempt is looked for at the provider before it is started: another machine may have been first. Where the provider cannot
tell yet, the attempt stays prepared, and nothing is sent.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from ftkit import clock
from ftkit.backend import (
    Backend,
    Batching,
    Call,
    Concealed,
    ModelRecord,
    RemoteBatch,
)
from ftkit.config import Settings
from ftkit.errors import CapabilityError, ConfigError, DataError, FtkitError
from ftkit.ledger import BatchRow, Ledger, State, Verb, new_intent
from ftkit.models.batch_prices import BatchPrices, most_it_costs
from ftkit.models.batch_search import found_by, undecided
from ftkit.models.batch_settling import (
    batching_of,
    close_refused,
    left_behind,
    observe,
    purchase,
    settle_row,
    with_file,
)
from ftkit.models.left_behind import stop_left_behind
from ftkit.models.mapping import answer_key, call_values
from ftkit.models.record import to_dict
from ftkit.patience import patiently
from ftkit.spending import (
    Limit,
    MonthlyBudget,
    adopt,
    attempt_key,
    digest,
    one_at_a_time,
    parsed_key,
    scope_of,
    spend,
    stem_of,
    tightest,
)
from ftkit.spending.spool import spool

log = logging.getLogger("ftkit")

_ATTEMPTS = 99


class _Work:
    """One model and its questions, on one account, as every step below needs them."""

    def __init__(
        self,
        ledger: Ledger,
        batching: Batching,
        record: ModelRecord,
        scope: str,
        fingerprint: str,
        request: Mapping[str, Any],
        price: Callable[[], Decimal | None],
        month: MonthlyBudget,
    ) -> None:
        self.ledger = ledger
        self.batching = batching
        self.record = record
        self.scope = scope
        self.fingerprint = fingerprint
        self.request = request
        self.price = price
        self.month = month
        self.stem = stem_of(digest({"batch": fingerprint, "scope": scope}))


def start_batch(
    record: ModelRecord,
    backend: Backend,
    calls: Sequence[Call],
    settings: Settings,
    *,
    limit: Decimal | None,
    allow_unpriced: bool,
) -> str:
    """Start the batch, or attach to the one that is there already; its key."""
    batching = batching_of(backend)
    _takes(batching, record, calls)
    fingerprint = _fingerprint(record, calls)
    prices = BatchPrices(backend, record)

    ledger = Ledger(settings.home)
    month = MonthlyBudget(ledger, settings.monthly_budget_usd)

    budget = settings.monthly_budget_usd
    monthly = None if budget is None else Limit(budget, f"monthly_budget_usd={budget}")
    tight = tightest(limit, monthly)

    @cache
    def price() -> Decimal | None:
        most = most_it_costs(
            batching, prices, record, calls, limit=tight, allow_unpriced=allow_unpriced
        )
        month.before(f"a batch of {len(calls):,} answers of {record.id}", most)
        return most

    stop_left_behind(settings)
    if not _is_there(ledger, record.instance, fingerprint):
        price()
    request = _spooled(batching, record, calls, settings)
    scope = scope_of(record.instance, backend)
    work = _Work(ledger, batching, record, scope, fingerprint, request, price, month)
    with one_at_a_time(settings.home, work.stem):
        row = _attempt(work)
        if row.state in (State.PREPARED, State.UPLOADING):
            with left_behind(ledger, row.key):
                _create(ledger, batching, row)
    return row.key


def over(row: BatchRow) -> bool:
    """True where it has ended without a single answer."""
    return row.status.final and row.done == 0


def _takes(batching: Batching, record: ModelRecord, calls: Sequence[Call]) -> None:
    most = batching.limits.requests
    if not calls:
        raise DataError("there is nothing to answer: the list of questions is empty")
    if len(calls) > most:
        raise CapabilityError(
            f"{record.instance} takes {most:,} questions in one batch, and these are {len(calls):,} "
            f"({batching.limits.source}); make several batches of them"
        )
    for call in calls:
        if call.timeout_s is not None:
            raise ConfigError(
                "a batch is answered within a day, and timeout_s bounds no answer of it: leave it out; "
                "wait(timeout_s=) bounds the waiting"
            )


def _fingerprint(record: ModelRecord, calls: Sequence[Call]) -> str:
    # as plain values, whatever kinds of mappings and sequences the caller has used
    asked = json.loads(json.dumps([call_values(call) for call in calls], default=str))
    return digest({"model": record.native, "snapshot": record.snapshot, "calls": asked})


def _is_there(ledger: Ledger, instance: str, fingerprint: str) -> bool:
    """True where this ledger has the batch, and it has not ended without answers; asks nobody."""
    if not ledger.path.exists():  # looking must not make one
        return False
    return any(
        row.instance == instance and row.state is State.MADE and not over(row)
        for row in ledger.batches.of_work(fingerprint)
    )


def _spooled(
    batching: Batching, record: ModelRecord, calls: Sequence[Call], settings: Settings
) -> dict[str, Any]:
    """The rows on disk and, beside them, by what names `map` knows their answers."""
    rows = (batching.encode(record, index, call) for index, call in enumerate(calls))
    file, most = spool(rows, settings.home), batching.limits.bytes
    size = file.path.stat().st_size
    if size > most:
        file.path.unlink(missing_ok=True)
        raise CapabilityError(
            f"{record.instance} takes {most:,} bytes of questions in one batch, and these are {size:,} "
            f"({batching.limits.source}); make several batches of them"
        )
    names = (answer_key(record, index, call).encode() for index, call in enumerate(calls))
    schema = calls[0].schema
    return {
        "file": str(file.path),
        "sha256": file.sha256,
        "rows": len(calls),
        "names": str(spool(names, settings.home).path),
        "record": to_dict(record),
        "schema": None if schema is None else dict(schema),
    }


def _attempt(work: _Work) -> BatchRow:
    """The batch to go on with, written as *prepared* where it is new."""
    ledger, batching = work.ledger, work.batching
    known = ledger.batches.attempts(work.stem)
    if not known:
        return _next(work, 1)
    last = known[-1]
    if last.state in (State.PREPARED, State.UPLOADING):
        try:
            remotes = _known_to_provider(work, last.key)
        except Concealed as error:
            raise undecided(last.key, error) from error
        if not remotes:
            work.price()
            return last
        adopt(ledger, last.key, purchase(ledger, batching, last), remotes, "started elsewhere")
        last = observe(ledger, batching, last.key, remotes[0])
    elif last.state.open:
        last = settle_row(ledger, batching, last)
    elif last.state is State.MADE and not last.status.final and last.remote_id is not None:
        id = last.remote_id
        remote = patiently(last.instance, lambda: batching.get(id))
        last = observe(ledger, batching, last.key, remote)
    if last.state is State.MADE and not over(last):
        log.info(
            "attached to batch %s, which asks the same: %s, %d of %d answered",
            last.key,
            last.status,
            last.done,
            work.request["rows"],
        )
        return last
    return _next(work, (parsed_key(last.key) or ("", 0))[1] + 1)


def _next(work: _Work, attempt: int) -> BatchRow:
    """A new attempt, or one that the provider knows and this ledger does not."""
    while attempt <= _ATTEMPTS:
        key = attempt_key(work.stem, attempt)
        remotes, concealed = _known_or_concealed(work, key)
        if remotes and remotes[0].status.final and remotes[0].done == 0:
            attempt += 1
            continue
        intent = new_intent(
            key,
            Verb.BATCH,
            instance=work.record.instance,
            scope=work.scope,
            subject=key,
            usd=None if remotes else work.price(),
        )
        may = work.month.reserving(f"a batch of {work.request['rows']:,} answers", intent.usd)
        work.ledger.batches.prepare(intent, work.fingerprint, work.request, may=may)
        row = work.ledger.batches.get(key)
        if row.state is State.CLOSED:  # of a ledger that was rebuilt without the batch's own row
            attempt += 1
            continue
        if concealed is not None:
            raise undecided(key, concealed) from concealed
        bought = purchase(work.ledger, work.batching, row)
        if remotes:
            adopt(work.ledger, key, bought, remotes, "the provider has it already, with our key")
            log.info("batch %s is at the provider already, as %s: attached", key, remotes[0].id)
            return observe(work.ledger, work.batching, key, remotes[0])
        return settle_row(work.ledger, work.batching, row) if row.state.open else row
    raise ConfigError(
        f"there are {_ATTEMPTS} attempts at this batch already; change the seed to start another"
    )


def _known_to_provider(work: _Work, key: str) -> list[RemoteBatch]:
    """Batches with this key; where the ledger was lost a moment ago, until they must be listed."""
    while True:
        remotes = found_by(
            work.ledger, work.batching, work.record.instance, key, work.request["rows"]
        )
        rebuilt = work.ledger.rebuilt_at
        if remotes or rebuilt is None:
            return remotes
        left = rebuilt + timedelta(seconds=work.batching.listing_lag_s) - clock.now()
        if left <= timedelta(0):
            return remotes
        clock.sleep(min(left.total_seconds(), 15.0))


def _known_or_concealed(work: _Work, key: str) -> tuple[list[RemoteBatch], Concealed | None]:
    """The same, or why it cannot be told."""
    try:
        return _known_to_provider(work, key), None
    except Concealed as error:
        return [], error


def _create(ledger: Ledger, batching: Batching, row: BatchRow) -> None:
    """Send the file, and start the batch once. Raises what refused it; then nothing was started, unless OutcomeUnknown."""
    request = with_file(ledger, batching, row)
    try:
        remote = spend(ledger, row.key, purchase(ledger, batching, row, request))
    except FtkitError as error:
        close_refused(ledger, row.key, error)
        raise
    observe(ledger, batching, row.key, remote)
