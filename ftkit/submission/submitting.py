"""From data and a plan to exactly one job.

The order is the point: every local gate first, then the rows on disk, then the intent in the ledger, then one look for a
job that carries our key already, and only then the create. Whatever dies in between, the same call finds the same job.
"""

from __future__ import annotations

import platform
from collections.abc import Collection
from decimal import Decimal
from pathlib import Path
from typing import Any

from ftkit import clock
from ftkit.backend import Backend, JobStatus, Training, TrainRequest
from ftkit.config import Settings
from ftkit.cost import Quote
from ftkit.data import CheckReport, Dataset, check
from ftkit.errors import BudgetError, CapabilityError, DataError, Fault
from ftkit.ledger import JobRow, Ledger, Phase
from ftkit.registry import open_backend
from ftkit.submission.job import Job, observe
from ftkit.submission.keys import fingerprint, job_key
from ftkit.submission.spool import spool


def submit(
    data: Dataset,
    plan: Quote,
    settings: Settings,
    *,
    validation: Dataset | None = None,
    name: str | None = None,
    max_cost_usd: Decimal | None = None,
    allow: Collection[str] = (),
    allow_unpriced: bool = False,
    force_new: bool = False,
) -> Job:
    """Start the run that `plan` describes, or attach to the one that is there already."""
    backend = open_backend(plan.instance, settings)
    training = backend.training
    if training is None:
        raise backend.refuse("training")
    _same_data(plan, data, validation)
    renderer = training.renderer(plan.resolved.base)
    for role, rows in (("training data", data), ("validation data", validation)):
        if rows is not None:
            report = check(
                rows, renderer=renderer, max_length=plan.resolved.hyperparameters.max_length
            )
            _accept(report, role, allow)
    _fits(plan)
    _affordable(plan, max_cost_usd, allow_unpriced)

    train_file, train_sha = spool((training.encode(e.messages) for e in data), settings.home)
    validation_file, validation_sha = None, None
    if validation is not None:
        validation_file, validation_sha = spool(
            (training.encode(e.messages) for e in validation), settings.home
        )
    record: dict[str, Any] = {
        "instance": plan.instance,
        "base": plan.resolved.base.id,
        "snapshot": plan.resolved.base.snapshot,
        "family": backend.name,
        "system": common_system(data),
        "template": renderer.fingerprint if renderer is not None else None,
        "method": str(plan.resolved.method),
        "data_sha256": data.sha256,
        "rows": len(data),
        "validation_sha256": None if validation is None else validation.sha256,
    }
    scope = f"{backend.name}:{platform.node()}"
    work = fingerprint(
        scope, plan.resolved, {"train": train_sha, "validation": validation_sha}, record
    )
    request = {
        "train_file": str(train_file),
        "validation_file": None if validation_file is None else str(validation_file),
        "record": record,
    }
    ledger = Ledger(settings.home)
    row = _attempt(ledger, training, plan, work, scope, request, force_new)
    if name is not None and name not in ledger.names(row.id)[-1:]:
        ledger.name(name, row.id)
    if row.phase in (Phase.PREPARED, Phase.SUBMITTING):
        _create(ledger, backend, training, plan, row)
    return Job(row.id, settings)


def common_system(data: Dataset) -> str | None:
    """The system prompt that every row has, or None where rows differ or have none."""
    first = data[0].system
    return first if all(example.system == first for example in data) else None


def _attempt(
    ledger: Ledger,
    training: Training,
    plan: Quote,
    work: str,
    scope: str,
    request: dict[str, Any],
    force_new: bool,
) -> JobRow:
    """The attempt to attach to, or a new one written as *prepared*."""
    known = ledger.attempts(work)
    attempt = known[-1].attempt if known else 1
    if known:
        last = known[-1]
        if last.remote_id is not None and last.phase is not Phase.DONE:
            observe(ledger, last.id, training.get(last.remote_id))
            last = ledger.job(last.id)
        if not force_new and last.status not in (JobStatus.FAILED, JobStatus.CANCELLED):
            return last
        attempt += 1
    while True:
        key = job_key(work, attempt)
        now = clock.now().isoformat()
        remotes = training.find(key)
        if remotes and (force_new or remotes[0].status in (JobStatus.FAILED, JobStatus.CANCELLED)):
            attempt += 1
            continue
        ledger.prepare(
            JobRow(
                id=key,
                fingerprint=work,
                attempt=attempt,
                instance=plan.instance,
                scope=scope,
                phase=Phase.PREPARED,
                status=JobStatus.QUEUED,
                raw_status="prepared",
                remote_id=None,
                error=None,
                plan=plan.to_dict(),
                request=request,
                record=None,
                created_at=now,
                updated_at=now,
            )
        )
        if remotes:
            observe(ledger, key, remotes[0])
        return ledger.job(key)


def _create(ledger: Ledger, backend: Backend, training: Training, plan: Quote, row: JobRow) -> None:
    if not training.idempotent_create:
        raise backend.refuse("submit")
    resolved = plan.resolved
    validation_file = row.request["validation_file"]
    ledger.advance(row.id, phase=Phase.SUBMITTING)
    remote = training.submit(
        TrainRequest(
            key=row.id,
            base=resolved.base,
            method=resolved.method,
            hyperparameters=resolved.hyperparameters,
            steps=resolved.steps,
            train_file=Path(row.request["train_file"]),
            validation_file=None if validation_file is None else Path(validation_file),
            record=row.request["record"],
        )
    )
    observe(ledger, row.id, remote)


def _same_data(plan: Quote, data: Dataset, validation: Dataset | None) -> None:
    if plan.data_sha256 != data.sha256:
        raise DataError(
            f"the plan was made for other rows than {data.source} (SHA-256 {plan.data_sha256[:12]} against "
            f"{data.sha256[:12]}); call ftkit.estimate again"
        )
    given = None if validation is None else validation.sha256
    if plan.validation_sha256 != given:
        raise DataError(
            "the plan was made with other validation rows; call ftkit.estimate(..., validation=) again"
        )


def _accept(report: CheckReport, role: str, allow: Collection[str]) -> None:
    blocking = report.blocking(allow)
    if not blocking:
        return
    faults = [
        Fault(f"{finding.code} {finding.detail or finding.title}; {finding.mend}", row=row)
        for finding in blocking
        for row in (finding.rows or (None,))
    ]
    codes = ", ".join(sorted({finding.code for finding in blocking}))
    raise DataError(
        f"{report.source}: the {role} has errors; mend them, or pass allow={codes!r} to train all the same",
        faults,
    )


def _fits(plan: Quote) -> None:
    forecast = plan.resolved.forecast
    if forecast is not None and not forecast.fits:
        raise CapabilityError(
            f"{plan.model} with {plan.resolved.method} needs {forecast.memory_needed / 2**30:.1f} GiB, and "
            f"{forecast.memory_free / 2**30:.1f} GiB are free on {forecast.device}; "
            + "; ".join(forecast.remedies)
        )


def _affordable(plan: Quote, max_cost_usd: Decimal | None, allow_unpriced: bool) -> None:
    if plan.usd is None:
        if plan.paid and not allow_unpriced:
            raise BudgetError(
                f"the price of {plan.model} is not known; pass allow_unpriced=True to pay whatever it is"
            )
    elif max_cost_usd is not None and plan.usd > max_cost_usd:
        raise BudgetError(
            f"{plan.model} would cost {plan.usd:.2f} USD, more than max_cost_usd={max_cost_usd}"
        )
