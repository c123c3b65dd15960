"""A batch looked for by its key, also at a provider that shows the key of a batch only at its end.

Of the running ones that may be it, those are left out that this ledger knows for other work, that were started before it
was sent, and that somebody has ruled out by hand.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ftkit.backend import Batching, Concealed, OutcomeUnknown, RemoteBatch
from ftkit.ledger import Ledger
from ftkit.patience import patiently
from ftkit.spending import parsed_key

_CLOCKS_DIFFER = timedelta(hours=1)
_RULED_OUT = "ruled out"


def found_by(
    ledger: Ledger, batching: Batching, instance: str, key: str, rows: int
) -> list[RemoteBatch]:
    """Batches with this key, oldest first; a provider that ignores the filter lists others too.

    Raises Concealed with the running ones that may be it, where none is found.
    """
    try:
        found = patiently(instance, lambda: batching.find(key, rows))
    except Concealed as error:
        other = _ruled_out(ledger, key)
        left = [
            one
            for one in error.candidates
            if one.id not in other and _may_be(ledger, instance, key, rows, one)
        ]
        if left:
            raise Concealed(left) from error
        return []
    return [one for one in found if one.key in (None, key)]


def rule_out(ledger: Ledger, key: str, error: Concealed) -> None:
    """Somebody says that the batch is none of these: no attempt at the same work is taken for one of them any more."""
    for one in error.candidates:
        ledger.tell(key, _RULED_OUT, one.id)


def undecided(key: str, error: Concealed) -> OutcomeUnknown:
    """Why a batch that was never sent from here is not sent now either, and what to do."""
    return OutcomeUnknown(
        f"batch {key} was not sent from here, but another machine may have started it: {error}. The same call goes on once "
        f"that has ended. Where you know that it is other work: `ftkit batches settle {key} --not-created`, and make the same "
        f"call again; where it is this one: `--adopt ITS_ID`"
    )


def _ruled_out(ledger: Ledger, key: str) -> set[str]:
    stem = (parsed_key(key) or (key, 0))[0]
    attempts = ledger.batches.attempts(stem)
    lines = [line for row in attempts for line in ledger.history(row.key)]
    return {line.detail for line in lines if line.what == _RULED_OUT}


def _may_be(ledger: Ledger, instance: str, key: str, rows: int, one: RemoteBatch) -> bool:
    if one.total not in (0, rows):
        return False
    if any(row.key != key for row in ledger.batches.by_remote(one.id, instance)):
        return False
    intent = ledger.intent(key)
    sent_at = None if intent is None else intent.sent_at
    return sent_at is None or not _before(one.created_at, sent_at)


def _before(created_at: str | None, sent_at: str) -> bool:
    """True where it was certainly started before; clocks of two machines differ."""
    try:
        created = datetime.fromisoformat(created_at or "")
        return created < datetime.fromisoformat(sent_at) - _CLOCKS_DIFFER
    except (ValueError, TypeError):
        return False
