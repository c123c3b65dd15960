"""A paid call, made once: the state machine of an intent.

    from                    event                                to
    prepared, uploading     about to send (written, fsynced)     submitting
    submitting              the provider answered                made
    submitting              Refused: nothing was created         closed
    submitting              NotSent: no byte left                prepared
    submitting              anything else, or a crash            unsettled
    submitting              the ledger cannot be written         submitting: may be billed
    unsettled               found by its key                     made
    unsettled               not found, create is idempotent      submitting again, same key
    unsettled               not found within the listing lag     unsettled: may be billed

The call itself is never repeated on a guess: only where the provider itself makes a repetition harmless.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from ftkit import clock
from ftkit.backend import Concealed, NotSent, OutcomeUnknown, Refused
from ftkit.errors import FtkitError, LedgerError, StorageError
from ftkit.ledger import Ledger, State
from ftkit.secrets import redact

T = TypeVar("T")

_OPEN = (State.SUBMITTING, State.UNSETTLED)
_FIRST_LOOK_S = 1.0
_LONGEST_LOOK_S = 15.0

log = logging.getLogger("ftkit")


@dataclass(frozen=True, slots=True)
class Search(Generic[T]):
    """How what an intent made is found again: `find` returns all of it, oldest first, at the latest `listing_lag_s` later."""

    what: str
    find: Callable[[], list[T]]
    id_of: Callable[[T], str]
    listing_lag_s: float
    settle_hint: str


@dataclass(frozen=True, slots=True)
class Purchase(Search[T]):
    """How an intent is carried out: `send` pays."""

    send: Callable[[], T]
    idempotent: bool


def spend(ledger: Ledger, key: str, purchase: Purchase[T]) -> T:
    """Carry out a prepared intent: exactly one paid call.

    Raises what the provider refused it with, NotSent, or OutcomeUnknown where it may be billed all the same.
    """
    if not ledger.move(
        key,
        State.SUBMITTING,
        only_from=(State.PREPARED, State.UPLOADING),
        sent_at=clock.now().isoformat(),
    ):
        raise OutcomeUnknown(f"{purchase.what} ({key}) is being sent by another process")
    return _send(ledger, key, purchase, repeat=True)


def settle(ledger: Ledger, key: str, purchase: Purchase[T]) -> T:
    """Find out what became of an open intent; raises OutcomeUnknown while that cannot be known."""
    found = look(ledger, key, purchase)
    if found is not None:
        return found
    if purchase.idempotent:
        return _again(ledger, key, purchase)
    ledger.move(key, State.UNSETTLED, only_from=_OPEN, detail="looked for it by its key: not found")
    raise unknown(
        key, purchase, "it was sent, the answer was lost, and the provider does not list it"
    )


def look(ledger: Ledger, key: str, search: Search[T]) -> T | None:
    """Look for what an open intent made, until the provider must have listed it, and adopt what is found."""
    intent = ledger.intent(key)
    sent_at = None if intent is None else intent.sent_at
    return _look(ledger, key, search, _lag_left(sent_at, search.listing_lag_s))


def adopt(ledger: Ledger, key: str, search: Search[T], found: list[T], why: str) -> T:
    """Bind an intent to the oldest of what was found; anything else that carries the key is reported."""
    oldest, *others = found
    _note(
        ledger,
        key,
        search,
        State.MADE,
        f"the provider has it as {search.id_of(oldest)}",
        only_from=(State.PREPARED, State.UPLOADING, *_OPEN),
        remote_id=search.id_of(oldest),
        detail=f"{why}: {search.id_of(oldest)}",
    )
    for other in others:
        id = search.id_of(other)
        log.warning(
            "%s exists twice: %s is used, %s is billed too; cancel it at the provider",
            search.what,
            search.id_of(oldest),
            id,
        )
        ledger.tell(key, "exists twice", f"{id} carries the same key and is billed too")
    return oldest


def _send(ledger: Ledger, key: str, purchase: Purchase[T], *, repeat: bool) -> T:
    """The paid call; with `repeat` once more under the same key where the provider makes that harmless."""
    try:
        made = purchase.send()
    except Refused as error:
        ledger.move(key, State.CLOSED, only_from=_OPEN, error=redact(f"refused: {error}"))
        raise _meaning(error) from error
    except NotSent as error:
        ledger.move(key, State.PREPARED, only_from=_OPEN, error=redact(f"not sent: {error}"))
        raise _meaning(error) from error
    except Exception as error:
        said = redact(str(error)) if isinstance(error, FtkitError) else type(error).__name__
        _note(ledger, key, purchase, State.UNSETTLED, f"the answer was lost ({said})", error=said)
        log.warning("the answer to %s was lost (%s); looking for it", purchase.what, said)
        found = _look(ledger, key, purchase, purchase.listing_lag_s)
        if found is not None:
            return found
        if not (purchase.idempotent and repeat):
            raise unknown(
                key, purchase, f"the answer was lost ({said}), and the provider does not list it"
            ) from error
    except BaseException:
        ledger.move(key, State.UNSETTLED, only_from=_OPEN, error="interrupted")
        raise
    else:
        id = purchase.id_of(made)
        _note(ledger, key, purchase, State.MADE, f"the provider has it as {id}", remote_id=id)
        return made
    return _again(ledger, key, purchase)


def _note(
    ledger: Ledger,
    key: str,
    search: Search[T],
    to: State,
    said: str,
    *,
    only_from: Collection[State] = _OPEN,
    remote_id: str | None = None,
    error: str | None = None,
    detail: str = "",
) -> None:
    """Write what became of a call that was sent; a disk that fails then is no reason to keep quiet about the bill."""
    try:
        ledger.move(key, to, only_from=only_from, remote_id=remote_id, error=error, detail=detail)
    except (LedgerError, StorageError) as failed:
        why = f"{said}, which could not be written down ({failed})"
        raise unknown(key, search, why) from failed


def _again(ledger: Ledger, key: str, purchase: Purchase[T]) -> T:
    ledger.move(key, State.SUBMITTING, only_from=_OPEN, detail="again, under the same key")
    return _send(ledger, key, purchase, repeat=False)


def _look(ledger: Ledger, key: str, search: Search[T], wait_s: float) -> T | None:
    """Look by key, at once and until `wait_s` seconds have passed."""
    deadline = clock.monotonic() + wait_s
    pause = _FIRST_LOOK_S
    while True:
        try:
            found = search.find()
        except Concealed as error:
            raise unknown(key, search, str(error)) from error
        except FtkitError as error:
            raise unknown(key, search, f"looking for it failed ({error})") from error
        if found:
            return adopt(ledger, key, search, found, "found by its key")
        left = deadline - clock.monotonic()
        if left <= 0:
            return None
        clock.sleep(min(pause, left))
        pause = min(pause * 2, _LONGEST_LOOK_S)


def unknown(key: str, search: Search[T], why: str) -> OutcomeUnknown:
    """The error for an intent of which nobody can tell whether it was carried out."""
    return OutcomeUnknown(
        f"{search.what} ({key}) may have been started and may be billed: {why}. "
        f"{search.settle_hint}"
    )


def _lag_left(sent_at: str | None, lag_s: float) -> float:
    """Seconds until a call of `sent_at` must be listed; a clock that was set back never makes it more than the lag."""
    if sent_at is None:
        return lag_s
    passed = (clock.now() - datetime.fromisoformat(sent_at)).total_seconds()
    return min(lag_s, max(0.0, lag_s - passed))


def _meaning(error: Refused | NotSent) -> FtkitError:
    """A backend that knows better what a refusal means chains that error as its cause."""
    return error.__cause__ if isinstance(error.__cause__, FtkitError) else error
