"""What the ledger remembers, as values: intents of paid calls, jobs, uploads, and the lines of a history.

An intent says what is being paid for and how far that has come; a job adds what the provider says about it.

    state       what it means                                     may have cost money
    prepared    written; nothing was sent                         no
    uploading   files are being sent                              no
    submitting  the paid call may be on its way                   yes
    unsettled   the call's outcome is not known                   yes
    made        the provider has it, under `remote_id`            yes
    closed      nothing was created, or it has been stopped       no more
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from ftkit.backend import BatchStatus, JobStatus


class State(StrEnum):
    """How far a paid call has come; see the table above."""

    PREPARED = "prepared"
    UPLOADING = "uploading"
    SUBMITTING = "submitting"
    UNSETTLED = "unsettled"
    MADE = "made"
    CLOSED = "closed"

    @property
    def open(self) -> bool:
        """True where the paid call may be on its way."""
        return self in (State.SUBMITTING, State.UNSETTLED)


class Verb(StrEnum):
    """What is paid for."""

    CREATE = "create"
    DEPLOY = "deploy"
    MAP = "map"
    BATCH = "batch"


class Phase(StrEnum):
    """How far *our* part of a job has come; the provider's part is its status."""

    PREPARED = "prepared"
    UPLOADING = "uploading"
    SUBMITTING = "submitting"
    UNSETTLED = "unsettled"
    SUBMITTED = "submitted"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Intent:
    """One paid call. `subject` is the job or model it is about, `usd` the price that was accepted (None: unknown).

    `sent_at` is the ISO time right before the call, from which a provider's listing lag counts.
    """

    key: str
    verb: Verb
    instance: str
    scope: str
    subject: str
    state: State
    usd: Decimal | None
    remote_id: str | None
    sent_at: str | None
    error: str | None
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as the ledger knows it, its intent included.

    `stem` is the job's key without the attempt; `plan_json` the quote, `request_json` what `submit` needs to do it
    again, `record_json` the frozen record of the result. `evidence` changes when the job has visibly moved.
    """

    id: str
    stem: str
    fingerprint: str
    attempt: int
    instance: str
    scope: str
    state: State
    usd: Decimal | None
    remote_id: str | None
    sent_at: str | None
    status: JobStatus
    raw_status: str
    error: str | None
    model: str | None
    method: str | None
    plan_json: str
    request_json: str
    record_json: str | None
    cost_usd: Decimal | None
    cancel_requested: bool
    evidence: str
    evidence_at: str
    created_at: str
    updated_at: str

    @property
    def phase(self) -> Phase:
        """How far our part has come."""
        if self.state is State.CLOSED:
            return Phase.DONE
        if self.state is State.MADE:
            return Phase.DONE if self.status.final else Phase.SUBMITTED
        return Phase(self.state.value)

    @property
    def plan(self) -> dict[str, Any]:
        """The quote as plain values; empty for a job that was taken up from its provider."""
        return dict(json.loads(self.plan_json))

    @property
    def request(self) -> dict[str, Any]:
        """What `submit` needs to do it again; empty for a job that was taken up from its provider."""
        return dict(json.loads(self.request_json))

    @property
    def record(self) -> Mapping[str, Any] | None:
        """The frozen record of the trained model, once it was read."""
        return None if self.record_json is None else dict(json.loads(self.record_json))


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A batch as the ledger knows it, its intent included.

    `work` is the hash of model and questions, `request_json` what is needed to send it again and to read its answers.
    `usd` is the most that it can cost, `cost_usd` what it has cost, once that is known.
    """

    key: str
    instance: str
    scope: str
    state: State
    usd: Decimal | None
    remote_id: str | None
    sent_at: str | None
    work: str
    status: BatchStatus
    raw_status: str
    done: int
    failed: int
    total: int
    error: str | None
    cost_usd: Decimal | None
    cancel_requested: bool
    request_json: str
    created_at: str
    updated_at: str

    @property
    def request(self) -> dict[str, Any]:
        """What is needed to send it again and to read its answers."""
        return dict(json.loads(self.request_json))

    @property
    def model(self) -> str:
        """The model that answers, as `instance/native-id`."""
        return f"{self.instance}/{self.request['record']['native']}"


@dataclass(frozen=True, slots=True)
class Lasting:
    """How long a deployment is to last: `until` an ISO time, None where no length was stated.

    `held`: no longer than the process that started it, which holds its lock as long as it lives.
    """

    until: str | None = None
    held: bool = False

    def over(self, now: datetime) -> bool:
        """True once the stated length has passed."""
        return self.until is not None and datetime.fromisoformat(self.until) <= now


@dataclass(frozen=True, slots=True)
class DeploymentRow:
    """A deployment as the ledger knows it. `looked_at` is the ISO time at which a lost start was last looked for in vain."""

    intent: Intent
    lasting: Lasting = field(default_factory=Lasting)
    looked_at: str | None = None


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One line of a job's timeline. `seq` orders lines, not the clock; `usd` is what was at stake, where it matters."""

    seq: int
    subject: str
    at: str
    what: str
    detail: str
    usd: Decimal | None
