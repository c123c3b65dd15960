"""One batch at its provider: looked for by its key, looked at, stopped, and settled where its answer was lost."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ftkit.backend import (
    Backend,
    Batches,
    Batching,
    BatchRequest,
    BatchStatus,
    Concealed,
    OutcomeUnknown,
    RemoteBatch,
)
from ftkit.config import Settings
from ftkit.errors import ConfigError, FtkitError, NotFound
from ftkit.ledger import BatchRow, Ledger, State
from ftkit.models.batch_search import found_by, rule_out
from ftkit.models.record import from_dict
from ftkit.patience import patiently
from ftkit.registry import open_backend
from ftkit.secrets import redact
from ftkit.spending import (
    Purchase,
    adopt,
    look,
    one_at_a_time,
    parsed_key,
    same_account,
    settle,
)
from ftkit.spending.uploads import uploaded

log = logging.getLogger("ftkit")

_UNSENT = (State.PREPARED, State.UPLOADING)
_warned: set[tuple[str, str]] = set()


def batching_of(backend: Backend) -> Batching:
    """The backend's batches; refused by name where it has none."""
    if backend.inference is None:
        raise backend.refuse("inference")
    if not isinstance(backend.inference, Batches):
        raise backend.refuse("batch")
    return backend.inference.batches


def batching_at(instance: str, settings: Settings) -> Batching:
    """The same by the name of an instance."""
    return batching_of(open_backend(instance, settings))


def purchase(
    ledger: Ledger, batching: Batching, row: BatchRow, request: BatchRequest | None = None
) -> Purchase[RemoteBatch]:
    """How the batch's intent is carried out or settled; without `request` a repetition is made from the ledger."""

    def send() -> RemoteBatch:
        return batching.start(request or with_file(ledger, batching, row))

    return Purchase(
        what=f"the batch on {row.instance}",
        send=send,
        find=lambda: found_by(ledger, batching, row.instance, row.key, row.request["rows"]),
        id_of=lambda remote: remote.id,
        listing_lag_s=batching.listing_lag_s,
        idempotent=batching.idempotent_start,
        settle_hint=(
            f"Look again with `ftkit batches settle {row.key}`; where the provider's own page shows it, "
            f"`--adopt ITS_ID`; where it shows that there is none, `--not-created`"
        ),
    )


def with_file(ledger: Ledger, batching: Batching, row: BatchRow) -> BatchRequest:
    """The request, with its file at the provider."""
    values = row.request
    file = uploaded(
        ledger,
        batching,
        instance=row.instance,
        scope=row.scope,
        key=row.key,
        file=Path(values["file"]),
        sha256=values["sha256"],
    )
    return BatchRequest(row.key, from_dict(values["record"]), file, values["rows"])


def observe(ledger: Ledger, batching: Batching, key: str, remote: RemoteBatch) -> BatchRow:
    """Write what the provider says now, and send a cancel that was waiting; the row as it is then.

    Raises OutcomeUnknown where it shows at last that it is other work, to which the batch was bound by hand.
    """
    row = ledger.batches.get(key)
    if remote.key not in (None, key):
        why = f"{remote.id}, to which it was bound, is other work: it bears the key {remote.key}"
        ledger.move(key, State.UNSETTLED, only_from=(State.MADE,), error=why)
        raise OutcomeUnknown(
            f"batch {key} may have been started and may be billed: {why}. Look for it with `ftkit batches settle {key}`"
        )
    word = redact(remote.raw_status)
    if remote.status is BatchStatus.OTHER and (row.instance, word) not in _warned:
        _warned.add((row.instance, word))
        log.warning(
            "%s says %r about a batch, a status that ftkit does not know; it is taken for not final",
            row.instance,
            word,
        )
    ledger.batches.change(
        key,
        status=remote.status.value,
        raw_status=word,
        done=remote.done,
        failed=remote.failed,
        total=remote.total,
        error=None if remote.error is None else redact(remote.error),
    )
    if row.cancel_requested and not remote.status.final:
        patiently(row.instance, lambda: batching.cancel(remote.id))
        ledger.batches.change(key, cancel_requested=0)
        ledger.tell(key, "cancel sent", "it was asked for while the batch was not found")
    return ledger.batches.get(key)


def settle_row(ledger: Ledger, batching: Batching, row: BatchRow) -> BatchRow:
    """Look for an open batch by its key; raises OutcomeUnknown while it cannot be known."""
    try:
        remote = settle(ledger, row.key, purchase(ledger, batching, row))
    except FtkitError as error:
        close_refused(ledger, row.key, error)
        raise
    return observe(ledger, batching, row.key, remote)


def close_refused(ledger: Ledger, key: str, error: FtkitError) -> None:
    """A refused start leaves a batch that has failed, with the reason."""
    intent = ledger.intent(key)
    if intent is not None and intent.state is State.CLOSED:
        status = BatchStatus.FAILED.value
        ledger.batches.change(key, status=status, raw_status="refused", error=redact(str(error)))


def settle_batch(
    key: str, settings: Settings, *, adopt_id: str | None = None, not_created: bool = False
) -> BatchRow:
    """Settle one batch of the ledger; the row as it is then. One that is not open stays as it is.

    `adopt_id` binds it to that batch of the provider; `not_created` closes it, unless the provider lists it after all, and
    rules out those that run and may be it. One that was not sent can be bound too, and is free to be sent after `not_created`.
    """
    if adopt_id is not None and not_created:
        raise ConfigError("say either --adopt ID or --not-created")
    ledger = Ledger(settings.home)
    with one_at_a_time(settings.home, (parsed_key(key) or (key, 0))[0]):
        row = ledger.batches.get(key)
        by_hand = adopt_id is not None or not_created
        if not row.state.open and not (by_hand and row.state in _UNSENT):
            return row
        backend = open_backend(row.instance, settings)
        batching = batching_of(backend)
        same_account(f"batch {key}", row.scope, row.instance, backend)
        if adopt_id is not None:
            return _bind(ledger, batching, row, adopt_id)
        if row.state in _UNSENT:
            return _free(ledger, batching, row)
        if not_created:
            return _close(ledger, batching, row)
        return settle_row(ledger, batching, row)


def cancel_batch(key: str, settings: Settings) -> BatchRow:
    """Ask for a batch to be stopped; one whose call is open is stopped as soon as it is found."""
    ledger = Ledger(settings.home)
    row = ledger.batches.get(key)
    if row.state in _UNSENT:
        with one_at_a_time(settings.home, (parsed_key(key) or (key, 0))[0]):
            if ledger.move(key, State.CLOSED, only_from=_UNSENT, detail="cancelled"):
                word = "cancelled before it was sent"
                ledger.batches.change(key, status=BatchStatus.CANCELLED.value, raw_status=word)
            row = ledger.batches.get(key)
    if row.status.final or row.state is State.CLOSED:
        return row
    if row.state.open:
        ledger.batches.change(key, cancel_requested=1)
        ledger.tell(key, "cancel requested", "it is carried out once the batch is found")
        row = ledger.batches.get(key)
        if row.state is not State.MADE or row.remote_id is None:
            return row
    ledger.tell(key, "cancel requested")
    batching, id = batching_at(row.instance, settings), row.remote_id or ""
    patiently(row.instance, lambda: batching.cancel(id))
    return observe(ledger, batching, key, patiently(row.instance, lambda: batching.get(id)))


@contextmanager
def left_behind(ledger: Ledger, key: str) -> Iterator[None]:
    """Add to an interrupt inside the block, as a note, which batch it leaves behind and how to go on."""
    try:
        yield
    except (Exception, GeneratorExit):
        raise
    except BaseException as interrupt:
        state = ledger.batches.get(key).state
        if state in _UNSENT:
            goes_on = "nothing was paid for; the same call goes on with it"
        elif state.open:
            goes_on = (
                f"it may be billed; the same call, or `ftkit batches settle {key}`, looks for it"
            )
        else:
            goes_on = f"it goes on; the same call waits for it again, `ftkit batches cancel {key}` stops it"
        interrupt.add_note(f"batch {key}: {goes_on}")
        raise


def _bind(ledger: Ledger, batching: Batching, row: BatchRow, remote_id: str) -> BatchRow:
    for other in ledger.batches.by_remote(remote_id, row.instance):
        if other.key != row.key:
            raise ConfigError(f"{row.instance}/{remote_id} belongs to batch {other.key} already")
    try:
        remote = patiently(row.instance, lambda: batching.get(remote_id))
    except NotFound as error:
        raise NotFound(f"{row.instance} has no batch {remote_id!r}; nothing was changed") from error
    if remote.key is not None and remote.key != row.key:
        raise ConfigError(
            f"{row.instance}/{remote_id} carries the key {remote.key}, it is other work; nothing was changed"
        )
    adopt(ledger, row.key, purchase(ledger, batching, row), [remote], "bound by hand")
    return observe(ledger, batching, row.key, remote)


def _free(ledger: Ledger, batching: Batching, row: BatchRow) -> BatchRow:
    """One that was not sent from here: none of those that run is it, so the same call may send it."""
    try:
        found_by(ledger, batching, row.instance, row.key, row.request["rows"])
    except Concealed as error:
        rule_out(ledger, row.key, error)
    return row


def _close(ledger: Ledger, batching: Batching, row: BatchRow) -> BatchRow:
    try:
        found = look(ledger, row.key, purchase(ledger, batching, row))
    except OutcomeUnknown as error:
        if not isinstance(error.__cause__, Concealed):
            raise
        rule_out(ledger, row.key, error.__cause__)
        log.warning("batch %s: %s; you say that none of them is", row.key, error.__cause__)
        found = None
    if found is not None:
        log.warning("batch %s is listed by the provider after all, as %s", row.key, found.id)
        return observe(ledger, batching, row.key, found)
    ledger.move(
        row.key,
        State.CLOSED,
        only_from=(State.SUBMITTING, State.UNSETTLED),
        detail="closed by hand: nothing was started",
    )
    ledger.batches.change(row.key, status=BatchStatus.FAILED.value, raw_status="not created")
    return ledger.batches.get(row.key)
