"""Between the ledger's values and the columns of its tables: money and enums are text there.

Rows come as tuples in the order of `sealing.TABLES`; ten thousand of them are read for one list of jobs. The tables are
STRICT, so a column holds the type that it says.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ftkit.backend import JobStatus
from ftkit.ledger.rows import HistoryLine, Intent, JobRow, State, Verb
from ftkit.ledger.sealing import Row, Value

_STATES = {state.value: state for state in State}
_STATUSES = {status.value: status for status in JobStatus}


def money(value: Value) -> Decimal | None:
    """An amount in USD from its text."""
    return None if value is None else Decimal(str(value))


def intent_values(intent: Intent) -> dict[str, Value]:
    """The columns of an intent."""
    return {
        "key": intent.key,
        "verb": intent.verb.value,
        "instance": intent.instance,
        "scope": intent.scope,
        "subject": intent.subject,
        "state": intent.state.value,
        "usd": None if intent.usd is None else str(intent.usd),
        "remote_id": intent.remote_id,
        "sent_at": intent.sent_at,
        "error": intent.error,
        "created_at": intent.created_at,
        "updated_at": intent.updated_at,
    }


def as_intent(row: Row) -> Intent:
    """The intent of a row; raises ValueError for a state or verb that is not known."""
    values: list[Any] = list(row)
    key, verb, instance, scope, subject, state, usd, *rest = values
    return Intent(key, Verb(verb), instance, scope, subject, State(state), money(usd), *rest)


def job_values(job: JobRow) -> dict[str, Value]:
    """The columns of a job, without those of its intent."""
    return {
        "id": job.id,
        "stem": job.stem,
        "fingerprint": job.fingerprint,
        "attempt": job.attempt,
        "status": job.status.value,
        "raw_status": job.raw_status,
        "error": job.error,
        "model": job.model,
        "method": job.method,
        "plan": job.plan_json,
        "request": job.request_json,
        "record": job.record_json,
        "cost_usd": None if job.cost_usd is None else str(job.cost_usd),
        "cancel_requested": int(job.cancel_requested),
        "evidence": job.evidence,
        "evidence_at": job.evidence_at,
        "created_at": job.created_at,
        "updated_at": job.updated_at,
    }


def as_job(row: Row, intent: Row) -> JobRow:
    """The job of two rows; raises ValueError for a state or status that is not known."""
    values: list[Any] = list(row)
    id, stem, fingerprint, attempt, status, raw_status, error, model, method, *rest = values
    plan, request, record, cost, cancel_requested, evidence, evidence_at, created, updated = rest
    paid: list[Any] = list(intent)
    _, _, instance, scope, _, state, usd, remote_id, sent_at, *_ = paid
    known_state, known_status = _STATES.get(str(state)), _STATUSES.get(str(status))
    if known_state is None or known_status is None:
        raise ValueError(f"job {id} has state {state!r} and status {status!r}")
    return JobRow(
        id,
        stem,
        fingerprint,
        attempt,
        instance,
        scope,
        known_state,
        money(usd),
        remote_id,
        sent_at,
        known_status,
        raw_status,
        error,
        model,
        method,
        plan,
        request,
        record,
        money(cost),
        bool(cancel_requested),
        evidence,
        evidence_at,
        created,
        updated,
    )


def as_line(row: Row) -> HistoryLine:
    """The line of history of a row."""
    seq, subject, at, what, detail, usd = row
    return HistoryLine(int(str(seq)), str(subject), str(at), str(what), str(detail), money(usd))
