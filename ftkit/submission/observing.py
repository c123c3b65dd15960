"""A provider's view of a job, written into the ledger.

A status word that nobody knows is kept as it is, is not final, and is warned about once; what proves an end (a time of
finishing with a model or an error) wins over the word.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from decimal import Decimal

from ftkit import clock
from ftkit.backend import JobStatus, Remote
from ftkit.ledger import JobRow, Ledger
from ftkit.secrets import redact
from ftkit.submission.evidence import Evidence, words_of

log = logging.getLogger("ftkit")
_warned: set[tuple[str, str]] = set()


def observe(ledger: Ledger, id: str, remote: Remote) -> JobRow:
    """Write what the provider says now; returns the row as it is then."""
    row = ledger.job(id)
    remote = replace(remote, raw_status=redact(remote.raw_status))
    status = status_of(remote)
    if status is JobStatus.OTHER and (row.instance, remote.raw_status) not in _warned:
        _warned.add((row.instance, remote.raw_status))
        log.warning(
            "%s says %r about a job, a status that ftkit does not know; it is taken for not final",
            row.instance,
            remote.raw_status,
        )
    seen = Evidence.parsed(row.evidence)
    now = replace(seen, words=words_of(remote))
    ledger.change(
        id,
        status=status.value,
        raw_status=remote.raw_status,
        error=None if remote.error is None else redact(remote.error),
        cost_usd=None if remote.usd is None else str(remote.usd),
        **({"evidence": str(now), "evidence_at": clock.now().isoformat()} if now != seen else {}),
    )
    if not row.status.final and status is JobStatus.SUCCEEDED:
        _compare(ledger, row, remote.usd)
    return ledger.job(id)


def _compare(ledger: Ledger, row: JobRow, billed: Decimal | None) -> None:
    """Say where a job that has just ended cost something else than was quoted."""
    if billed is None or row.usd is None or billed == row.usd:
        return
    ledger.tell(row.id, "billed otherwise", f"{row.usd.normalize():f} USD were quoted", billed)
    if billed > row.usd:
        log.warning(
            "job %s cost %s USD, more than the %s USD that were quoted",
            row.id,
            f"{billed.normalize():f}",
            f"{row.usd.normalize():f}",
        )


def status_of(remote: Remote) -> JobStatus:
    """The status, or what the evidence says where the word is not known."""
    if remote.status is JobStatus.OTHER and remote.finished_at is not None:
        if remote.model is not None:
            return JobStatus.SUCCEEDED
        if remote.error is not None:
            return JobStatus.FAILED
    return remote.status
