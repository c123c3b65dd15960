"""New intents and jobs, as of now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ftkit import clock
from ftkit.backend import JobStatus
from ftkit.ledger.rows import Intent, JobRow, State, Verb


def new_intent(
    key: str,
    verb: Verb,
    *,
    instance: str,
    scope: str,
    subject: str,
    usd: Decimal | None,
    state: State = State.PREPARED,
    remote_id: str | None = None,
) -> Intent:
    """An intent as of now."""
    now = clock.now().isoformat()
    return Intent(key, verb, instance, scope, subject, state, usd, remote_id, None, None, now, now)


def new_job(
    intent: Intent,
    *,
    stem: str,
    fingerprint: str,
    attempt: int,
    plan: Mapping[str, Any],
    request: Mapping[str, Any],
    status: JobStatus = JobStatus.QUEUED,
    raw_status: str = "prepared",
    model: str | None = None,
    method: str | None = None,
) -> JobRow:
    """The job that an intent is to make."""
    return JobRow(
        id=intent.key,
        stem=stem,
        fingerprint=fingerprint,
        attempt=attempt,
        instance=intent.instance,
        scope=intent.scope,
        state=intent.state,
        usd=intent.usd,
        remote_id=intent.remote_id,
        sent_at=intent.sent_at,
        status=status,
        raw_status=raw_status,
        error=None,
        model=model or plan.get("model"),
        method=method or plan.get("method"),
        plan_json=json.dumps(plan),
        request_json=json.dumps(request),
        record_json=None,
        cost_usd=None,
        cancel_requested=False,
        evidence="",
        evidence_at=intent.created_at,
        created_at=intent.created_at,
        updated_at=intent.updated_at,
    )
